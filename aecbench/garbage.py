"""Has Python look for garbage in reference cycles less often in commands and workers, and not when they end.

Python looks after every 700 new objects, in vain while it imports a hundred thousand of them, and at its end among all
of them again. That took 0.3 to 0.5 s by the clock of the two that a short command lasts.
"""

import atexit
import functools
import gc
import sys

__all__ = ["collect_less"]

OBJECTS = 10_000  # new ones, after which Python looks for garbage among them


@functools.cache
def collect_less() -> None:
    """Look less often, once per process, and leave the memory of all objects at its end to the system."""
    gc.set_threshold(OBJECTS)
    atexit.register(_keep)


def _keep() -> None:
    if "torch" not in sys.modules:  # triton prints a list of its objects that are left
        gc.freeze()
