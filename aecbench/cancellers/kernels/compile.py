"""The decorator of the compiled functions of cancellers.

Sums over taps and bins take several times as long if the compiler has to keep the order in which they are written. If
it may re-associate them, results differ between processors by rounding errors.
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
    return cast("Callable[P, R]", numba.njit(**COMMON, nogil=True, fastmath={"reassoc", "contract"})(function))
