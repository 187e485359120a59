"""Saturation along an arctangent: bends early, reaches its limit slowly."""

import numpy as np

from aecbench.dsp import elementary
from aecbench.dsp.elementary import PI
from aecbench.scenes.loudspeaker.model import DRIVE, Model, Range
from aecbench.signals import Array

__all__ = ["MODEL", "arctan"]


def arctan(x: Array, limit: float) -> Array:
    """Saturation y = (2 limit / pi) atan(pi x / (2 limit)), slope 1 at 0 and -+limit at infinity."""
    scale = 2 * limit / PI
    return np.asarray(scale * elementary.arctan(x / scale), x.dtype)


MODEL = Model(arctan, {"drive": DRIVE, "limit": Range(0.8, 0.05, 2.0)}, source="common")
