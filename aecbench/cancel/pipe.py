"""Runs a system live on raw audio from one pipe to another."""

from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from aecbench.cancel.stream import check, stream, timing
from aecbench.cancel.timing import Timing
from aecbench.cancellers.align import RATE
from aecbench.errors import AudioError
from aecbench.signals import Array
from aecbench.systems import System

__all__ = ["cancel_pipe"]

FULL_SCALE = 2**15
SAMPLE = np.dtype("<i2")  # 16-bit, little-endian
FRAME = 2 * SAMPLE.itemsize  # bytes of one sample of microphone and far end


def cancel_pipe(system: System, source: BinaryIO, sink: BinaryIO, rate: int = RATE) -> Timing:
    """Cancel the echo in `source`: interleaved 16-bit little-endian samples of microphone and far end at `rate` Hz.

    The output is written to `sink`, also with 16 bits, block by block and as soon as it is available: at 16 kHz with
    the latency of the system, at other rates with the additional latency of resampling in both directions. It ends when
    `source` ends. Raises UsageError for a system that does not stream or whose alignment delays the microphone,
    AudioError for an input that ends within a sample.
    """
    check(system)
    times = timing(system)
    size = max(1, round(system.live().block * rate / RATE))  # also compiles what the first blocks need
    for y in stream(system, _frames(source, size), rate, times):
        sink.write(np.clip(np.rint(y * FULL_SCALE), -FULL_SCALE, FULL_SCALE - 1).astype(SAMPLE).tobytes())
        sink.flush()
    return times


def _frames(source: BinaryIO, size: int) -> Iterator[Array]:
    """Yield blocks of `size` samples of both signals, the last one shorter: float32 [N, 2] in [-1, 1)."""
    while data := source.read(size * FRAME):
        if len(data) % FRAME:
            raise AudioError(
                f"the input ends {len(data) % FRAME} bytes into a sample of {FRAME} bytes; "
                f"expected two channels, microphone and far end, of 16 bits"
            )
        yield np.frombuffer(data, SAMPLE).reshape(-1, 2).astype(np.float32) / FULL_SCALE
