"""The decorators of compiled functions that shape a corpus: arithmetic in the order in which it is written.

numba compiles for the processor it runs on. Without permission to re-associate or to fuse (`fastmath`), vectors and
fused operations of a processor change nothing in the result. Filters, which need not be the same to the bit, have a
decorator with that permission: aecbench/cancellers/kernels/compile.py.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

__all__ = ["COMMON", "compiled", "inlined"]

# Nothing here is called from C: the wrapper for such callers takes a tenth of the time in which numba compiles.
COMMON: dict[str, Any] = {"cache": True, "error_model": "numpy", "no_cfunc_wrapper": True}

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of arrays and numbers; its machine code is kept beside the file."""
    return cast("Callable[P, R]", numba.njit(**COMMON, nogil=True)(function))


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function for use within others, into which it is copied."""
    return cast("Callable[P, R]", numba.njit(**COMMON, inline="always")(function))
