"""The decorator of the compiled functions of cancellers.

Sums over taps and bins take several times as long if the compiler has to keep the order in which they are written. If
it may re-associate them, results differ between processors by rounding errors.

All these functions are inlined into those that call them. Otherwise, a caller compiled in this process would run the
machine code made for the called function alone, but a caller loaded from numba's cache its own copy, which is optimised
differently: the first run on a machine would differ from all later ones by rounding errors.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

from aecbench.dsp.compile import COMMON

__all__ = ["reassociated"]

P = ParamSpec("P")
R = TypeVar("R")


def reassociated(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function, allowing the compiler to re-associate sums and to fuse multiplications with additions."""
    decorator = numba.njit(**COMMON, nogil=True, forceinline=True, fastmath={"reassoc", "contract"})
    return cast("Callable[P, R]", decorator(function))
