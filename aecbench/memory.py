"""Keeps freed memory in the process, instead of returning it to the operating system after every array.

Rendering a scene allocates and frees hundreds of arrays of about a megabyte, its metrics dozens, a training step fewer
and larger ones. By default, the C library returns such memory immediately, and the system clears every page of the next
array. That takes a tenth of the time for a scene, a seventh for most metrics and a sixth for a training step.
"""

import ctypes
import functools

__all__ = ["keep_freed_memory"]

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # parameters of mallopt(3)
OWN_MAPPING = 2**31 - 1, 2**25  # bytes from which an array has a mapping of its own; older versions accept the second
SOME, ALL = 2**27, -1  # free bytes beyond which memory is returned; -1: never


@functools.cache
def keep_freed_memory(most: int = SOME) -> bool:
    """Ask the C library, once per process, to keep up to `most` bytes of freed memory, or ALL of it.

    Returns whether it does; only glibc can. It affects only time and memory, not results.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # macOS and musl have no mallopt, Windows no library of that kind
        return False
    return bool(mallopt(TRIM_THRESHOLD, most)) and any(mallopt(MMAP_THRESHOLD, size) for size in OWN_MAPPING)
