"""A converter that is driven beyond its full scale."""

import numpy as np

from aecbench.dsp.elementary import from_decibels
from aecbench.scenes.devices.device import Device, Range
from aecbench.signals import Array

__all__ = ["STAGE", "clipping"]


def clipping(stems: Array, rate: int, over: float) -> Array:
    """Clip the sum of the stems [S, T] where it is less than `over` dB below its peak; `rate` is unused.

    The clipped sum is the sum times a gain, limit / |sum| where that is below 1, and every stem has the same gain.
    """
    magnitude = np.abs(stems.sum(0))
    limit = magnitude.max(initial=0.0) / np.float32(from_decibels(over))
    gain = np.divide(limit, magnitude, out=np.ones_like(magnitude), where=magnitude > limit)
    return np.asarray(stems * gain)


STAGE = Device(clipping, {"over": Range(3.0, 0.0, 20.0)}, source="hard clipping")
