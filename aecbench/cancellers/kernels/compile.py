"""The decorator of the compiled functions of cancellers.

Sums over taps and bins take several times as long where they have to be added in the order in which they are written.
With permission to re-associate them, results differ between processors by rounding.
"""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

from aecbench.dsp.compile import COMMON

__all__ = ["reassociated"]

P = ParamSpec("P")
R = TypeVar("R")


def reassociated(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function with permission to re-associate sums and to fuse products with sums."""
    return cast("Callable[P, R]", numba.njit(**COMMON, nogil=True, fastmath={"reassoc", "contract"})(function))
