"""Decorators for compiled functions whose results determine a corpus: they keep the order of arithmetic operations.

numba compiles for the processor on which it runs. As long as the compiler must not re-associate or fuse operations (no
`fastmath`), the vector instructions of a processor do not change the result. Adaptive filters, whose results need not
be identical to the last bit, have a decorator that allows it: aecbench/cancellers/kernels/compile.py.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

__all__ = ["COMMON", "compiled", "inlined"]

# No function is called from C; compiling the wrapper for such calls would take a tenth of numba's time.
COMMON: dict[str, Any] = {"cache": True, "error_model": "numpy", "no_cfunc_wrapper": True}

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of arrays and numbers; the machine code is cached next to its source file."""
    return cast("Callable[P, R]", numba.njit(**COMMON, nogil=True)(function))


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function that is inlined into the compiled functions that call it."""
    return cast("Callable[P, R]", numba.njit(**COMMON, inline="always")(function))
