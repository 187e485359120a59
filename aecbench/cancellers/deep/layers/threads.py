"""Kernels, where they can run, and on several threads."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["in_kernels", "share"]

FEW = 20_000  # numbers, for which threads are not worth their start


def in_kernels(like: Tensor) -> bool:
    """Whether kernels do the work on such a tensor: it is on the CPU, and torch does not record it for export."""
    return like.device.type == "cpu" and not torch.compiler.is_exporting()


def share(kernel: Callable[..., None], arrays: Sequence[NDArray[Any]], *options: float, tasks: int, size: int) -> None:
    """Call kernel(*arrays, *options, first, last) for `tasks` tasks, shared out where `size` numbers are enough to do.

    On as many threads as torch has. They are Python's, as the kernels leave the lock: a pool of numba's would fight for
    the cores with torch's.
    """
    threads = min(torch.get_num_threads(), tasks)
    if threads < 2 or size < FEW:
        kernel(*arrays, *options, 0, tasks)
        return
    edges = [tasks * i // threads for i in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda first, last: kernel(*arrays, *options, first, last), edges[:-1], edges[1:]))
