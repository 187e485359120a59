"""Run a system on a pair of recordings."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from aecbench.dsp.audio import read, resample, write
from aecbench.errors import AudioError
from aecbench.signals import Array
from aecbench.systems import System

__all__ = ["RATE", "Cancelled", "cancel_files"]

RATE = 16_000  # [Hz] at which cancellers run


class Cancelled(NamedTuple):
    """The recordings and what became of them, [T] at `rate` Hz."""

    mic: Array
    far: Array
    out: Array
    rate: int


def cancel_files(system: System, mic: Path, far: Path, out: Path) -> Cancelled:
    """Cancel the echo of the recording `far` in the recording `mic`; write float32 WAV `out` at mic's rate and length.

    Both are resampled to 16 kHz for the system, and the output back. Raises AudioError for files that cannot be read,
    have several channels, or do not belong together (another rate, another length).
    """
    x, rate = read(mic)
    reference, far_rate = read(far)
    if far_rate != rate:
        raise AudioError(
            f"{far}: is at {far_rate} Hz, {mic} at {rate} Hz; resample one so that both have the same rate"
        )
    if reference.size != x.size:
        raise AudioError(f"{far}: has {reference.size} samples, {mic} has {x.size}; cut or pad one to the same length")
    y = system.canceller.cancel(resample(x, rate, RATE), resample(reference, rate, RATE))
    y = _fitted(resample(np.asarray(y, np.float32), RATE, rate), x.size)
    write(out, y, rate)
    return Cancelled(x, reference, y, rate)


def _fitted(x: Array, length: int) -> Array:
    """Cut or padded to `length`: resampling there and back may differ by a sample."""
    return np.pad(x[:length], (0, max(0, length - x.size)))
