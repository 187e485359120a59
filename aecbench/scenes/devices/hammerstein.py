"""Nonlinearity with memory: a power series followed by a filter, beside the linear path (parallel Hammerstein)."""

import numpy as np

from aecbench.dsp.recursive import band_pass, filtered
from aecbench.scenes.devices.device import DRIVE, Device, Range
from aecbench.scenes.devices.oversample import oversampled
from aecbench.signals import Array

__all__ = ["DEVICE", "hammerstein"]


def hammerstein(x: Array, rate: int, drive: float, second: float, third: float, frequency: float, q: float) -> Array:
    """Return y = x + g * (second z^2 + third z^3) / drive with z = drive x [..., T], and * a convolution.

    g is a band-pass of quality `q` and gain 1 at `frequency` Hz: the distortion is heard where the cone resonates.
    """

    def series(u: Array) -> Array:
        z = drive * u
        return np.asarray(u + z * z * (second + third * z) / drive)

    return np.asarray(x + filtered([band_pass(frequency, q, rate)], oversampled(series, x) - x))


DEVICE = Device(
    hammerstein,
    {
        "drive": DRIVE,
        "second": Range(0.3, -1.0, 1.0),
        "third": Range(-0.3, -1.0, 1.0),
        "frequency": Range(1000.0, 200.0, 3500.0),
        "q": Range(1.0, 0.3, 10.0),
    },
    source="power series and filter; the static part as in A. Stenger and W. Kellermann, Adaptation of a memoryless"
    " preprocessor for nonlinear acoustic echo cancelling, Signal Processing 80(9), 2000",
)
