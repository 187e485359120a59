"""The decorators of compiled functions, the only ones in the project.

numba compiles for the processor it runs on. `compiled` and `inlined` do arithmetic in the order in which it is written:
without permission to re-associate or to fuse, vectors and fused operations of a processor change nothing in the result.
So they are for all that shapes a corpus. `reassociated` gives that permission, for filters, whose sums over taps and
bins take several times as long without; its results differ between processors by rounding.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

__all__ = ["compiled", "inlined", "reassociated"]

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of arrays and numbers; its machine code is kept beside the file."""
    return cast("Callable[P, R]", numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function for use within others, into which it is copied."""
    return cast("Callable[P, R]", numba.njit(cache=True, error_model="numpy", inline="always")(function))


def reassociated(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function as `compiled` does, with permission to re-associate sums and to fuse products with sums."""
    arithmetic = {"reassoc", "contract"}
    return cast(
        "Callable[P, R]", numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=arithmetic)(function)
    )
