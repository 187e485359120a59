"""Has Python look for garbage in reference cycles less often in commands and workers, and not when they end.

Python looks after every 700 new objects, in vain while it imports a hundred thousand of them, and at its end among all
of them again. That took 0.4 s of two that a short command lasts.
"""

import atexit
import functools
import gc

__all__ = ["collect_less"]

OBJECTS = 10_000  # new ones, after which Python looks for garbage among them


@functools.cache
def collect_less() -> None:
    """Look less often, once per process, and keep everything at its end, where the system frees the memory."""
    gc.set_threshold(OBJECTS)
    atexit.register(gc.freeze)
