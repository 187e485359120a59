"""Memory that a process keeps once it has it, instead of returning it to the system after every array.

Rendering a scene makes and drops hundreds of arrays of about a megabyte, its metrics dozens, a training step fewer and
larger ones. By default the C library returns such memory at once, and the system clears every page of the next array,
which takes a tenth of the time of a scene, a seventh of the time of most metrics and a sixth of a training step.
"""

import ctypes
import functools

__all__ = ["keep_freed_memory"]

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # parameters of mallopt(3)
OWN_MAPPING = 2**31 - 1, 2**25  # bytes from which on an array has a mapping of its own; older versions take the second
SOME, ALL = 2**27, -1  # bytes that may lie free before any are returned


@functools.cache
def keep_freed_memory(most: int = SOME) -> bool:
    """Ask the C library, once in a process, to keep up to `most` bytes of freed memory, or ALL of it.

    Return whether it does: glibc alone can. Nothing changes but time and memory.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # macOS and musl have no mallopt, Windows no library of that kind
        return False
    return bool(mallopt(TRIM_THRESHOLD, most)) and any(mallopt(MMAP_THRESHOLD, size) for size in OWN_MAPPING)
