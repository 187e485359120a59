"""Copying within compiled code.

numba takes seconds to compile an assignment of one array to a slice of another: it compiles the message of the error
for unequal shapes, with all its handling of text. A loop compiles in a tenth of a second.
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
