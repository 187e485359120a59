"""Soft clipping with a knee that can be set: from gentle (sharpness 1) to hard clipping (sharpness to infinity)."""

import numpy as np

from aecbench.dsp.elementary import power
from aecbench.scenes.devices.device import DRIVE, Device, Range
from aecbench.signals import Array

__all__ = ["DEVICE", "soft_clip"]


def soft_clip(x: Array, limit: float, sharpness: float) -> Array:
    """Saturation y = x / (1 + |x / limit|^s)^(1/s), slope 1 at 0 and -+limit at infinity; s = sharpness."""
    return np.asarray(x / power(1 + power(np.abs(x / limit), sharpness), 1 / sharpness), x.dtype)


DEVICE = Device(
    soft_clip,
    {"drive": DRIVE, "limit": Range(0.8, 0.05, 2.0), "sharpness": Range(2.0, 1.0, 10.0)},
    source="C. Rapp, Effects of HPA-nonlinearity on a 4-DPSK/OFDM-signal for a digital sound broadcasting system, 1991"
    " (AM/AM curve, s = 2p)",
    memoryless=True,
)
