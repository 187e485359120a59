"""Linear interpolation, with the same bits on every processor."""

import numpy as np
from numpy.typing import ArrayLike

from aecbench.signals import Array

__all__ = ["interpolate"]


def interpolate(x: ArrayLike, positions: ArrayLike, values: ArrayLike) -> Array:
    """The curve through `values` at ascending `positions` [N], read at `x` [...]; beyond the ends it stays level.

    >>> interpolate([-1, 0.5, 2, 9], [0, 1, 3], [0, 10, 20]).tolist()
    [0.0, 5.0, 15.0, 20.0]
    """
    x, positions, values = (np.asarray(a, np.float64) for a in (x, positions, values))
    right = np.clip(np.searchsorted(positions, x, side="right"), 1, len(positions) - 1) if len(positions) > 1 else 0
    left = np.maximum(right - 1, 0)
    width = positions[right] - positions[left]
    share = np.clip((x - positions[left]) / np.where(width > 0, width, 1), 0, 1)
    return np.asarray(values[left] + share * (values[right] - values[left]))
