"""The echo canceller and the preprocessor of SpeexDSP, from the system's library.

J.-M. Valin, On Adjusting the Learning Rate in Frequency Domain Echo Cancellation With Double-Talk, IEEE Transactions on
Audio, Speech, and Language Processing 15(3), 2007. Names and numbers are those of speex_echo.h and speex_preprocess.h.
"""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from aecbench.cancellers.base import check_ranges
from aecbench.cancellers.external.frames import Framewise, say_clipped
from aecbench.cancellers.external.needs import SPEEXDSP
from aecbench.cancellers.tunable import bounded
from aecbench.signals import Array

__all__ = ["Speex", "SpeexPre"]

SPEEX_ECHO_SET_SAMPLING_RATE = 24
SPEEX_PREPROCESS_SET_ECHO_STATE = 24
FULL_SCALE = 2**15
STDERR = 2  # file descriptor


@dataclass(frozen=True)
class Speex(Framewise):
    """The adaptive filter of SpeexDSP (MDF) alone. It takes 16-bit samples: those beyond [-1, 1] are clipped.

    It high-passes the microphone, so the output differs from it even if the far end is silent. Raises NotInstalled if
    the library is missing.
    """

    frame: int = bounded(160, 16, 4096)  # samples per call
    tail: int = bounded(4096, "frame", 2**16)  # length of the filter [samples]
    rate: int = bounded(16_000, 8000, 48000)  # [Hz]; determines the high-pass and the speed of adaptation

    def __post_init__(self) -> None:
        check_ranges(self)
        _library()

    @property
    def sample_rate(self) -> int:
        """The rate of the audio [Hz]."""
        return self.rate

    @property
    def delay(self) -> int:
        """0: every output frame is aligned with its microphone frame."""
        return 0

    def run(self, mic: Array, far: Array) -> Array:
        """Process one signal with a new filter."""
        return self._run(mic, far, preprocess=False)

    def _run(self, mic: Array, far: Array, *, preprocess: bool) -> Array:
        speex, rate = _library(), ctypes.c_int32(self.rate)
        near_end, far_end = (_int16(x) for x in (mic, far))
        out = np.zeros_like(near_end)
        echo = ctypes.c_void_p(speex.speex_echo_state_init(self.frame, self.tail))
        speex.speex_echo_ctl(echo, SPEEX_ECHO_SET_SAMPLING_RATE, ctypes.byref(rate))
        suppressor = None
        if preprocess:
            suppressor = ctypes.c_void_p(speex.speex_preprocess_state_init(self.frame, self.rate))
            speex.speex_preprocess_ctl(suppressor, SPEEX_PREPROCESS_SET_ECHO_STATE, echo)
        addresses = [x.ctypes.data for x in (near_end, far_end, out)]
        with _muted():
            for offset in range(0, out.nbytes, self.frame * out.itemsize):
                m, f, o = (ctypes.c_void_p(address + offset) for address in addresses)
                speex.speex_echo_cancellation(echo, m, f, o)
                if suppressor is not None:
                    speex.speex_preprocess_run(suppressor, o)
        if suppressor is not None:
            speex.speex_preprocess_state_destroy(suppressor)
        speex.speex_echo_state_destroy(echo)
        return out.astype(np.float32) / FULL_SCALE


@dataclass(frozen=True)
class SpeexPre(Speex):
    """The adaptive filter of SpeexDSP and its preprocessor, which suppresses residual echo and noise."""

    @property
    def delay(self) -> int:
        """One frame, because the preprocessor works by overlap-add."""
        return self.frame

    def run(self, mic: Array, far: Array) -> Array:
        """Process one signal with a new filter and a new preprocessor."""
        return self._run(mic, far, preprocess=True)


def _int16(x: Array) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    say_clipped(x, "SpeexDSP")
    return np.clip(np.rint(x * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)


@contextmanager
def _muted() -> Iterator[None]:
    """Suppress the lines that the library prints on standard error whenever it resets its filter."""
    sys.stderr.flush()
    kept = os.dup(STDERR)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), STDERR)
            yield
    finally:
        os.dup2(kept, STDERR)
        os.close(kept)


@cache
def _library() -> ctypes.CDLL:
    """Return the shared library. Raises NotInstalled."""
    library = SPEEXDSP.load()
    library.speex_echo_state_init.restype = ctypes.c_void_p
    library.speex_preprocess_state_init.restype = ctypes.c_void_p
    return library
