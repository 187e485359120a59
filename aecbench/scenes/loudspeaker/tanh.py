"""Saturation along a hyperbolic tangent."""

import numpy as np

from aecbench.dsp import elementary
from aecbench.scenes.loudspeaker.model import DRIVE, Model, Range
from aecbench.signals import Array

__all__ = ["MODEL", "tanh"]


def tanh(x: Array, limit: float) -> Array:
    """Saturation of slope 1 at 0 and -+limit at infinity.

    y = limit tanh(x / limit)
    """
    return np.asarray(limit * elementary.tanh(x / limit), x.dtype)


MODEL = Model(tanh, {"drive": DRIVE, "limit": Range(0.8, 0.05, 2.0)}, source="common")
