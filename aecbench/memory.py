"""Memory that a process keeps once it has it, instead of handing it back after every array.

Rendering a scene makes and drops hundreds of arrays of about a megabyte. By default the C library returns such memory
to the system at once, and every page of the next array costs a page fault: with them a scene takes a tenth longer.
"""

import ctypes
import functools

__all__ = ["keep_freed_memory"]

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # parameters of mallopt(3)
KEPT = 2**27  # bytes that may lie free before any are returned
OWN_MAPPING = 2**25  # bytes from which on an array has a mapping of its own: the most that mallopt takes


@functools.cache
def keep_freed_memory() -> None:
    """Ask the C library, once in a process, to keep up to KEPT bytes of freed memory.

    Nothing happens where it is not glibc. It changes nothing but time.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # macOS and musl have no mallopt, Windows no library of that kind
        return
    mallopt(TRIM_THRESHOLD, KEPT)
    mallopt(MMAP_THRESHOLD, OWN_MAPPING)
