"""Saturation along an arctangent: bends early, reaches its limit slowly."""

import numpy as np

from aecbench.dsp import elementary
from aecbench.dsp.elementary import PI
from aecbench.scenes.devices.device import DRIVE, Device, Range
from aecbench.signals import Array

__all__ = ["DEVICE", "arctan"]


def arctan(x: Array, limit: float) -> Array:
    """Saturation y = (2 limit / pi) atan(pi x / (2 limit)), slope 1 at 0 and -+limit at infinity."""
    scale = 2 * limit / PI
    return np.asarray(scale * elementary.arctan(x / scale), x.dtype)


DEVICE = Device(arctan, {"drive": DRIVE, "limit": Range(0.8, 0.05, 2.0)}, source="common", memoryless=True)
