"""Hard clipping: an amplifier that runs into its supply voltage."""

import numpy as np

from aecbench.scenes.devices.device import DRIVE, Device, Range
from aecbench.signals import Array

__all__ = ["DEVICE", "hard_clip"]


def hard_clip(x: Array, limit: float) -> Array:
    """Clipping y = max(-limit, min(limit, x))."""
    return np.clip(x, -limit, limit)


DEVICE = Device(
    hard_clip,
    {"drive": DRIVE, "limit": Range(0.8, 0.05, 1.0)},
    source="common; with limit 0.8 the first stage of Zhang and Wang, Interspeech 2018",
    memoryless=True,
)
