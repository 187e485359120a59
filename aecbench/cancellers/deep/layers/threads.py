"""Selects where kernels run (numba on the CPU, Triton on a GPU), and runs the former on several threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

__all__ = ["in_gpu_kernels", "in_kernels", "run_on_threads"]

SMALL = 20_000  # array size below which starting threads takes longer than the work


def in_kernels(like: Tensor) -> bool:
    """Return whether numba kernels process such a tensor: it is on the CPU, and torch is not exporting the network."""
    return like.device.type == "cpu" and not torch.compiler.is_exporting()


def in_gpu_kernels(like: Tensor) -> bool:
    """Return whether Triton kernels process such a tensor: it is on a CUDA device, and Triton is installed."""
    return like.device.type == "cuda" and not torch.compiler.is_exporting() and find_spec("triton") is not None


def run_on_threads(kernel: Callable[..., None], arguments: tuple[Any, ...], tasks: int, size: int) -> None:
    """Call kernel(*arguments, first, last) for tasks 0 ... tasks - 1, on several threads if `size` is SMALL or more.

    `size` is the number of array elements to process. There are as many threads as torch uses. They are Python threads,
    because the kernels release the global interpreter lock, and numba's own threads would compete with torch's for the
    cores.
    """
    threads = min(torch.get_num_threads(), tasks)
    if threads < 2 or size < SMALL:
        kernel(*arguments, 0, tasks)
        return
    edges = [tasks * i // threads for i in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda first, last: kernel(*arguments, first, last), edges[:-1], edges[1:]))
