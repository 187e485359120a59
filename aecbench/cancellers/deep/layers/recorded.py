"""Loops of many small operations, recorded once as a CUDA graph and replayed on a GPU."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Recorded"]


class Recorded:
    """A function of tensors that runs without gradients; on a GPU, a recording of its first call is replayed.

    Launching an operation on a GPU takes longer than a small operation itself; a CUDA graph launches all of them at
    once. There is one recording per shape of the tensors. On a GPU, the results of a call are valid until the next call
    with tensors of the same shape. The function may read the parameters of `module`, which may change in place between
    two calls.
    """

    def __init__(self, module: nn.Module, function: Callable[..., tuple[Tensor, ...]]) -> None:
        self._module, self._function = module, function
        self._graphs: dict[Any, tuple[torch.cuda.CUDAGraph, tuple[Tensor, ...], tuple[Tensor, ...]]] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> "Recorded":
        """Return the function bound to a copy of the module, without recordings."""
        return Recorded(copy.deepcopy(self._module, memo), copy.deepcopy(self._function, memo))

    @torch.no_grad()
    def __call__(self, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Return the results of the function."""
        if tensors[0].device.type != "cuda":
            return self._function(*tensors)
        key = tuple(z.shape for z in tensors), tuple(z.data_ptr() for z in self._module.parameters())
        if key not in self._graphs:
            self._graphs[key] = self._record(tensors)
        graph, inputs, results = self._graphs[key]
        for held, tensor in zip(inputs, tensors, strict=True):
            held.copy_(tensor)
        graph.replay()
        return results

    def _record(
        self, tensors: tuple[Tensor, ...]
    ) -> tuple[torch.cuda.CUDAGraph, tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Return a recording, its inputs and its results."""
        inputs = tuple(z.clone() for z in tensors)
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            self._function(*inputs)  # warm-up: initialisations of a first call cannot be recorded
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # other threads may be copying examples
            results = self._function(*inputs)
        return graph, inputs, results
