"""Random numbers with the same bits on every processor.

NumPy draws integers and uniform numbers in [0, 1) alike everywhere. Its normal numbers come from exp and log of the C
library, and its `uniform` may be fused into one rounding; here, both follow from numbers in [0, 1).
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from aecbench.dsp.compile import compiled
from aecbench.dsp.elementary import PI, scalar_log, scalar_sincos
from aecbench.signals import Array

__all__ = ["normal", "uniform"]


def uniform(rng: np.random.Generator, low: ArrayLike, high: ArrayLike, size: int | None = None) -> Any:
    """Numbers from `low` to `high`, whose dimensions broadcast where no `size` is given; one number for two numbers."""
    if size is None and isinstance(low, float | int) and isinstance(high, float | int):
        return low + (high - low) * rng.random()
    bottom, top = np.asarray(low, np.float64), np.asarray(high, np.float64)
    shape = np.broadcast_shapes(bottom.shape, top.shape) if size is None else (size,)
    return bottom + (top - bottom) * rng.random(shape)


def normal(rng: np.random.Generator, size: int) -> Array:
    """Independent normal numbers of mean 0 and variance 1: float64 [size].

    By the transform of G. E. P. Box and M. E. Muller, "A note on the generation of random normal deviates", Annals of
    Mathematical Statistics 29(2), 1958.
    """
    pairs = (size + 1) // 2
    numbers = rng.random((2, pairs))
    _transform(numbers)
    return numbers.ravel()[:size]


@compiled
def _transform(numbers: Array) -> None:
    """Pairs [2, N] of uniform numbers to pairs of normal ones, in place."""
    for n in range(numbers.shape[1]):
        radius = np.sqrt(-2 * scalar_log(1 - numbers[0, n]))
        sine, cosine = scalar_sincos(2 * PI * numbers[1, n])
        numbers[0, n], numbers[1, n] = radius * cosine, radius * sine
