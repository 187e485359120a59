"""Decorators for compiled functions whose results determine a corpus: they keep the order of arithmetic operations.

numba compiles for the processor on which it runs. As long as the compiler must not re-associate or fuse operations (no
`fastmath`), the vector instructions of a processor do not change the result. Adaptive filters, whose results need not
be identical to the last bit, have a decorator that allows it: aecbench/cancellers/kernels/compile.py.
"""

import functools
import hashlib
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba
from numba.core.dispatcher import Dispatcher

__all__ = ["compile_function", "compiled", "inlined"]

# No function is called from C; compiling the wrapper for such calls would take a tenth of numba's time.
COMMON: dict[str, Any] = {"cache": True, "error_model": "numpy", "no_cfunc_wrapper": True}
IMPORT = re.compile(r"^(?:from ([\w.]+) )?import (\([^)]*\)|.*)", re.MULTILINE)

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of arrays and numbers; the machine code is cached next to its source file."""
    return compile_function(function, nogil=True)


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function that is inlined into the compiled functions that call it."""
    return compile_function(function, inline="always")


def compile_function(function: Callable[P, R], **options: Any) -> Callable[P, R]:
    """Compile a function with these options of numba; its machine code is cached as long as no source of it changes.

    Machine code contains the functions and constants that its function takes from other files, but numba compares only
    the file of the function itself: after an upgrade or an edit of another file, it would run the old code. Therefore,
    the stamp that numba compares is completed with one of what that file imports.
    """
    dispatcher = numba.njit(**COMMON, **options)(function)
    if isinstance(dispatcher, Dispatcher):  # with NUMBA_DISABLE_JIT=1, it is the function
        cached = cast("Any", dispatcher)._cache._cache_file
        cached._source_stamp = cached._source_stamp, _stamp_of_imports(function.__module__)
    return cast("Callable[P, R]", dispatcher)


@functools.cache
def _stamp_of_imports(module: str) -> str:
    """Return a hash of what a module imports: in its own package, sources in any depth; of other packages, versions."""
    package, stamps, waiting = _package(module), dict[str, str](), [module]
    while waiting:
        name = waiting.pop()
        if name in stamps:
            continue
        if _package(name) == package:
            stamps[name], imported = _source(name)
            waiting += imported
        else:
            stamps[name] = str(getattr(sys.modules[_package(name)], "__version__", None))
    return hashlib.sha256(repr(sorted(stamps.items())).encode()).hexdigest()


@functools.cache
def _source(module: str) -> tuple[str, tuple[str, ...]]:
    """Return the hash of the file of a module, and the names of the modules that it imports at its top level."""
    path = Path(getattr(sys.modules[module], "__file__", None) or "")
    text = path.read_text(encoding="utf-8") if path.is_file() else ""  # a notebook does not have a file
    names: list[str] = []
    for place, imported in IMPORT.findall(text):
        words = re.findall(r"[\w.]+", imported)
        names += [place, *(f"{place}.{word}" for word in words)] if place else words
    return hashlib.sha256(text.encode()).hexdigest(), tuple(name for name in names if name in sys.modules)


def _package(module: str) -> str:
    return module.partition(".")[0]
