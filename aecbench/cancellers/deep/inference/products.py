"""Products of matrices with vectors on one thread: BLAS starts several for large ones, which wait for each other."""

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers.kernels.compile import reassociated

__all__ = ["product"]

Float32 = NDArray[np.float32]


def product(matrix: Float32, x: Float32) -> Float32:
    """Return the products [..., out, B] of a matrix [out, in] with x [..., in, B], as fast as BLAS on one thread."""
    if x.shape[-1] > 1:
        many: Float32 = matrix @ x
        return many
    out = np.empty((*x.shape[:-2], len(matrix), 1), np.float32)
    _vectors(matrix, x.reshape(-1, x.shape[-2]), out.reshape(-1, len(matrix)))
    return out


@reassociated
def _vectors(matrix: Float32, x: Float32, out: Float32) -> None:
    for i in range(matrix.shape[0]):  # every row is read from memory once
        row = matrix[i]
        for n in range(x.shape[0]):
            vector, total = x[n], np.float32(0)
            for k in range(row.size):
                total += row[k] * vector[k]
            out[n, i] = total
