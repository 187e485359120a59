"""Frequency bands for networks: overlapping triangles."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["between", "triangles"]


def triangles(bins: int, count: int) -> NDArray[np.float32]:
    """Return overlapping triangles [bins, count] on an ERB-like scale, whose centres are at least 2 bins apart.

    In every bin, they sum to 1.
    """
    position = np.arange(bins, dtype=float)
    corner = bins / 12
    warped = np.linspace(0, np.log1p((bins - 1) / corner), count)
    centres = corner * np.expm1(warped)
    centres = np.maximum(centres, 2.0 * np.arange(count))
    centres[-1] = bins - 1
    return np.stack([np.interp(position, centres, row) for row in np.eye(count)], 1).astype(np.float32)


def between(bands: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the two bands in which a bin lies, for triangles [bins, count]: index of the lower one, and weight in it.

    The weight in the next band is one less that. Both are arrays [bins].
    """
    lower = np.minimum((bands > 0).argmax(1), bands.shape[1] - 2)
    return lower, np.take_along_axis(bands, lower[:, None], 1)[:, 0]
