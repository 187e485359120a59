"""Linear interpolation, with the same bits on every processor."""

import numpy as np
from numpy.typing import ArrayLike

from aecbench.dsp.compile import compiled
from aecbench.signals import Array

__all__ = ["interpolate"]


def interpolate(x: ArrayLike, positions: ArrayLike, values: ArrayLike) -> Array:
    """Interpolate linearly at `x` [...] between `values` at ascending `positions` [N]; constant beyond the ends.

    >>> interpolate([-1, 0.5, 2, 9], [0, 1, 3], [0, 10, 20]).tolist()
    [0.0, 5.0, 15.0, 20.0]
    """
    x, positions, values = (np.asarray(a, np.float64) for a in (x, positions, values))
    y = np.empty(x.shape)
    _read(x.ravel(), positions, values, y.reshape(-1))
    return y


@compiled
def _read(x: Array, positions: Array, values: Array, y: Array) -> None:
    """Interpolate between the last position up to each x and the next one; each search starts where the last ended."""
    last = positions.size - 1
    right = min(1, last)
    for n in range(x.size):
        while right < last and positions[right] <= x[n]:
            right += 1
        while right > 1 and positions[right - 1] > x[n]:
            right -= 1
        left = max(right - 1, 0)
        width = positions[right] - positions[left]
        share = min(max((x[n] - positions[left]) / (width if width > 0 else 1.0), 0.0), 1.0)
        y[n] = values[left] + share * (values[right] - values[left])
