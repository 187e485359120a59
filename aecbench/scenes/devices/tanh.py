"""Saturation along a hyperbolic tangent."""

import numpy as np

from aecbench.dsp import elementary
from aecbench.scenes.devices.device import DRIVE, Device, Range
from aecbench.signals import Array

__all__ = ["DEVICE", "tanh"]


def tanh(x: Array, limit: float) -> Array:
    """Saturation of slope 1 at 0 and -+limit at infinity.

    y = limit tanh(x / limit)
    """
    return np.asarray(limit * elementary.tanh(x / limit), x.dtype)


DEVICE = Device(tanh, {"drive": DRIVE, "limit": Range(0.8, 0.05, 2.0)}, source="common", memoryless=True)
