"""Copying within compiled code.

numba takes seconds to compile the assignment of an array to a slice of another one, because it also compiles the error
message for unequal shapes and the string handling that it needs. A loop compiles in a tenth of a second.
"""

from typing import Any

from numpy.typing import NDArray

from aecbench.cancellers.kernels.compile import reassociated

__all__ = ["copy"]


@reassociated
def copy(source: NDArray[Any], target: NDArray[Any]) -> None:
    """Set target [N] to the first N entries of source."""
    for i in range(target.size):
        target[i] = source[i]
