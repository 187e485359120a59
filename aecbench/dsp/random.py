"""Random numbers with the same bits on every processor.

NumPy draws integers and uniform numbers in [0, 1) identically everywhere. Its normal numbers depend on exp and log of
the C library, and multiplication and addition in its `uniform` may be fused; here, both are computed from numbers in
[0, 1).
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from aecbench.dsp.compile import compiled
from aecbench.dsp.elementary import PI, scalar_log, scalar_sincos
from aecbench.signals import Array

__all__ = ["normal", "uniform"]


def uniform(rng: np.random.Generator, low: ArrayLike, high: ArrayLike, size: int | None = None) -> Any:
    """Draw uniform numbers from `low` to `high`: a float for two numbers, float64 [size], or the broadcast shape."""
    if size is None and isinstance(low, float | int) and isinstance(high, float | int):
        return low + (high - low) * rng.random()
    bottom, top = np.asarray(low, np.float64), np.asarray(high, np.float64)
    shape = np.broadcast_shapes(bottom.shape, top.shape) if size is None else (size,)
    return bottom + (top - bottom) * rng.random(shape)


def normal(rng: np.random.Generator, size: int) -> Array:
    """Draw independent normal numbers with mean 0 and variance 1: float64 [size].

    They are computed by the transform of G. E. P. Box and M. E. Muller, "A note on the generation of random normal
    deviates", Annals of Mathematical Statistics 29(2), 1958.
    """
    pairs = (size + 1) // 2
    numbers = rng.random((2, pairs))
    _transform(numbers)
    return numbers.ravel()[:size]


@compiled
def _transform(numbers: Array) -> None:
    """Convert pairs [2, N] of uniform numbers to pairs of normal ones, in place."""
    for n in range(numbers.shape[1]):
        radius = np.sqrt(-2 * scalar_log(1 - numbers[0, n]))
        sine, cosine = scalar_sincos(2 * PI * numbers[1, n])
        numbers[0, n], numbers[1, n] = radius * cosine, radius * sine
