"""Arrays that were needed most recently, kept in memory up to a number of bytes."""

import threading
from collections.abc import Callable, Hashable
from typing import Any

from numpy.typing import NDArray

__all__ = ["Recent"]


class Recent:
    """Arrays by key; beyond a number of bytes, those go that were not needed for longest. Threads may share it."""

    def __init__(self, size: int) -> None:
        """Keep up to `size` bytes, and the last array in any case."""
        self.size, self.bytes = size, 0
        self.arrays: dict[Hashable, NDArray[Any]] = {}
        self.lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """Return the array of this key, from `make` if it is not there; nobody can write into it."""
        with self.lock:
            if key in self.arrays:
                self.arrays[key] = self.arrays.pop(key)
                return self.arrays[key]
        array = make()
        array.flags.writeable = False
        with self.lock:
            self.bytes += array.nbytes - (self.arrays.pop(key).nbytes if key in self.arrays else 0)
            self.arrays[key] = array
            while self.bytes > self.size and len(self.arrays) > 1:
                self.bytes -= self.arrays.pop(next(iter(self.arrays))).nbytes
        return array
