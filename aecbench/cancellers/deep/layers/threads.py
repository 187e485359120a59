"""Where kernels run: numba's on the CPU, on several threads, and Triton's on a GPU."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

__all__ = ["in_gpu_kernels", "in_kernels", "run_on_threads"]

SMALL = 20_000  # numbers, for which starting threads takes longer than the work


def in_kernels(like: Tensor) -> bool:
    """Return whether kernels process such a tensor: it is on the CPU, and torch does not record it for export."""
    return like.device.type == "cpu" and not torch.compiler.is_exporting()


def in_gpu_kernels(like: Tensor) -> bool:
    """Return whether kernels on a GPU process such a tensor: it is there, and Triton came with torch."""
    return like.device.type == "cuda" and not torch.compiler.is_exporting() and find_spec("triton") is not None


def run_on_threads(kernel: Callable[..., None], arguments: tuple[Any, ...], tasks: int, size: int) -> None:
    """Call kernel(*arguments, first, last) for tasks 0 ... tasks - 1, on several threads if `size` numbers are many.

    There are as many threads as torch has. They are Python's, because the kernels release the lock: a pool of numba's
    would compete with torch's for the cores.
    """
    threads = min(torch.get_num_threads(), tasks)
    if threads < 2 or size < SMALL:
        kernel(*arguments, 0, tasks)
        return
    edges = [tasks * i // threads for i in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda first, last: kernel(*arguments, first, last), edges[:-1], edges[1:]))
