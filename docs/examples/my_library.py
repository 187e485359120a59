"""A canceller in a C library that takes frames of 16-bit samples, called by ctypes."""

import ctypes
from dataclasses import dataclass
from pathlib import Path

import numpy as np

LIBRARY = ctypes.CDLL(str(Path(__file__).with_name("libframes.so")))
LIBRARY.frames_create.restype = ctypes.c_void_p
SAMPLES = np.ctypeslib.ndpointer(np.int16, flags="C")
LIBRARY.frames_process.argtypes = ctypes.c_void_p, SAMPLES, SAMPLES, SAMPLES
LIBRARY.frames_destroy.argtypes = (ctypes.c_void_p,)

FRAME, LATE = 160, 160  # samples of a frame, and by which the library's output lags the microphone
FULL_SCALE = 2**15


@dataclass(frozen=True)
class MyLibrary:
    """Every call creates a canceller, so that each signal starts from the same state."""

    latency: int = LATE + FRAME - 1  # an output sample waits for the end of a frame
    sample_rate: int = 16_000  # audio of another rate is refused

    def cancel(self, mic, far):
        """Cancel one signal of a batch after the other: float32 [..., T] each -> float32 [..., T]."""
        out = np.empty(mic.shape, np.float32)
        for signal in np.ndindex(mic.shape[:-1]):
            out[signal] = self._run(mic[signal], far[signal])
        return out

    def _run(self, mic, far):
        length = mic.size
        silence = -(length + LATE) % FRAME + LATE  # until the last sample has come out, and the last frame is whole
        frames = [self._frames(np.pad(x, (0, silence))) for x in (mic, far)]
        out = np.empty_like(frames[0])
        canceller = LIBRARY.frames_create()
        for now in zip(*frames, out, strict=True):
            LIBRARY.frames_process(canceller, *now)
        LIBRARY.frames_destroy(canceller)
        return out.ravel()[LATE : LATE + length] / np.float32(FULL_SCALE)

    def _frames(self, x):
        return np.clip(np.rint(x * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16).reshape(-1, FRAME)
