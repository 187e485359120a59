"""The limiter, or with a lower ratio the compressor, behind a microphone."""

import numpy as np

from aecbench.scenes.devices import compressor
from aecbench.scenes.devices.device import Device, Range
from aecbench.signals import Array

__all__ = ["STAGE", "limiter"]


def limiter(
    stems: Array, rate: int, threshold: float, ratio: float, knee: float, attack: float, release: float
) -> Array:
    """Turn the stems [S, T] down where their sum exceeds a threshold, given in dB relative to its peak.

    The parameters are those of the loudspeaker's compressor, see `aecbench.scenes.devices.compressor`.
    """
    total = stems.sum(0)
    peak = np.abs(total).max(initial=0.0)
    gain = compressor.reduced(total / (peak if peak else 1), rate, threshold, ratio, knee, attack, release)
    return np.asarray(stems * gain.astype(np.float32))


STAGE = Device(
    limiter,
    {
        **compressor.DEVICE.parameters,
        "threshold": Range(-12.0, -40.0, 0.0),
        "ratio": Range(4.0, 1.0, 100.0),
        "attack": Range(0.005, 1e-4, 0.1),
    },
    source=compressor.DEVICE.source,
)
