"""Memory that a training process keeps from one step to the next.

Every step makes and frees the same large tensors. The C library of Linux gets a large block from the system and returns
it when it is freed, so that the system clears every page again and again, for a sixth of the time of a step on the CPU.
"""

import ctypes
import sys

__all__ = ["keep_memory"]

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # of mallopt(3): free bytes to return, and size of a block of its own [bytes]
NEVER, LARGEST = -1, 2**31 - 1


def keep_memory() -> bool:
    """Keep freed memory for later tensors, until the process ends; return whether the C library can do that."""
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc has it, musl does not
    return mallopt is not None and bool(mallopt(MMAP_THRESHOLD, LARGEST) and mallopt(TRIM_THRESHOLD, NEVER))
