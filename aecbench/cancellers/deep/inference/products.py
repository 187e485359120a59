"""Products of matrices with vectors, in which reading the matrix from memory takes most of the time.

So rows are stored as integers of 16 bits with a scale, in half the space of float32. Four rows are read at once,
because a processor reads faster from several places than from one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers.kernels.compile import reassociated

__all__ = ["Rows", "product", "rows"]

LARGEST = 32766  # of the integers in a row; a rounding error that is carried over may add 1

Float32 = NDArray[np.float32]


class Rows(NamedTuple):
    """A matrix [out, in] in quarters of R rows of integers times a scale; rows of zeros complete the last quarter."""

    integers: NDArray[np.int16]  # [4, R, in]
    scale: Float32  # [4, R]
    outputs: int


def rows(matrix: Float32, *, smooth: bool = False) -> Rows:
    """Return a matrix [out, in] as rows of integers, rounded by at most half the scale of a row.

    If neighbouring inputs are alike (`smooth`), as those of neighbouring bands, each weight is rounded together with
    the error of the one before: by up to one scale, but the errors of neighbours cancel.
    """
    outputs, inputs = matrix.shape
    quarter = -(-outputs // 4)
    padded = np.zeros((4, quarter, inputs))
    padded.reshape(-1, inputs)[:outputs] = matrix
    scale = np.maximum(np.abs(padded).max(2) / LARGEST, np.finfo(np.float32).tiny)
    with np.errstate(invalid="ignore"):  # a row that is not finite has such a scale, and such products
        padded /= scale[..., None]
        rounded = np.diff(np.rint(np.cumsum(padded, 2)), prepend=0) if smooth else np.rint(padded)
        return Rows(rounded.astype(np.int16), scale.astype(np.float32), outputs)


def product(matrix: Rows | Float32, x: Float32) -> Float32:
    """Return the products [..., out, B] of a matrix [out, in] with x [..., in, B]; rows take B = 1."""
    if not isinstance(matrix, Rows):
        many: Float32 = matrix @ x
        return many
    integers, scale, outputs = matrix
    out = np.empty((*x.shape[:-2], scale.size, 1), np.float32)
    _multiply(integers, scale, x.reshape(-1, x.shape[-2]), out.reshape(-1, *scale.shape))
    return out[..., :outputs, :]


@reassociated
def _multiply(integers: NDArray[np.int16], scale: Float32, x: Float32, out: Float32) -> None:
    """Set `out` [M, 4, R] to the products with vectors [M, in]."""
    for i in range(scale.shape[1]):
        first, second, third, fourth = integers[0, i], integers[1, i], integers[2, i], integers[3, i]
        for m in range(x.shape[0]):
            a, b, c, d = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            for k in range(x.shape[1]):
                a += np.float32(first[k]) * x[m, k]
                b += np.float32(second[k]) * x[m, k]
                c += np.float32(third[k]) * x[m, k]
                d += np.float32(fourth[k]) * x[m, k]
            out[m, 0, i], out[m, 1, i] = scale[0, i] * a, scale[1, i] * b
            out[m, 2, i], out[m, 3, i] = scale[2, i] * c, scale[3, i] * d
