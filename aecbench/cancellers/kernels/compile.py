"""The decorators of the compiled functions of cancellers.

Sums over taps and bins take several times as long if the compiler has to keep the order in which they are written. If
it may re-associate them, results differ between processors by rounding errors.
"""

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from aecbench.dsp.compile import compile_function

__all__ = ["inlined", "reassociated"]

P = ParamSpec("P")
R = TypeVar("R")

FAST: dict[str, Any] = {"nogil": True, "fastmath": {"reassoc", "contract"}}


def reassociated(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function, allowing the compiler to re-associate sums and to fuse multiplications with additions."""
    return compile_function(function, **FAST)


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function as `reassociated` does, and inline it into the compiled functions that call it.

    Otherwise, a caller compiled in this process would run the machine code made for the called function alone, but a
    caller loaded from numba's cache its own copy, which may be optimised differently: the first run on a machine would
    differ from all later ones by rounding errors. Inlining takes time to compile, so it is for functions where
    such a difference was found.
    """
    return compile_function(function, **FAST, forceinline=True)
