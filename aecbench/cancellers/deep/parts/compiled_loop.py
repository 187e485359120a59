"""The closed loop of learned_filter.py in compiled code, for weights that stay as they are: a third of the time of torch.

The arithmetic is that of inference/learned_filter.py. The states are those of the loop in torch, so that one can go on
where the other has stopped.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from aecbench.cancellers.deep.inference import distortion as inference_distortion
from aecbench.cancellers.deep.inference import learned_filter as inference
from aecbench.cancellers.deep.layers import step_size_filter_kernels as kernels
from aecbench.cancellers.deep.parts import distortion, listening
from aecbench.cancellers.deep.parts.learned_filter import Filtered, LearnedFilter, State
from aecbench.cancellers.deep.parts.step_size_features import Averages

__all__ = ["CompiledLoop"]


class CompiledLoop:
    """Filter and network with the weights that a module on the CPU has now."""

    def __init__(self, module: LearnedFilter) -> None:
        self._loop = listening.compiled(module, module.size, module.features.smoothing, "hybrid")

    def __call__(self, mic: Tensor, far: Tensor, state: State) -> tuple[Filtered, State]:
        """Do as `LearnedFilter.listen`, which also returns what it has heard; spectra [N, T, F] are complex64."""
        d, x, arrays = mic.numpy(), far.numpy(), self._arrays(state)
        frames = [self._loop(d[:, t], x[:, t], arrays)[:3] for t in range(d.shape[1])]
        filtered = Filtered(*(torch.from_numpy(np.stack(z, 1)) for z in zip(*frames, strict=True)))
        return filtered, self._tensors(arrays)

    def _arrays(self, state: State) -> inference.State:
        """Return a copy of a state as the compiled loop takes it."""
        loop, (n, _, _, bins) = self._loop, state.inputs.shape
        inputs = np.empty((n, loop.inputs * loop.size.taps, 2, bins), np.float32)  # those in no tap are never read
        inputs[:, loop.place] = state.inputs.numpy()
        return inference.State(
            filter=kernels.State(_copy(state.weights), _copy(state.covariance)),
            inputs=inputs,
            references=_copy(state.references),
            distortion=inference_distortion.State._make(map(_copy, state.distortion)),
            memory=_copy(state.memory.reshape(n, loop.size.bands, -1).mT),
            averages=Averages._make(map(_copy, state.averages)),
        )

    def _tensors(self, arrays: inference.State) -> State:
        """Return a state of the compiled loop as that of the loop in torch."""
        weights, covariance = map(torch.from_numpy, arrays.filter)
        return State(
            weights=weights,
            covariance=covariance,
            inputs=torch.from_numpy(arrays.inputs[:, self._loop.place]),
            references=torch.from_numpy(arrays.references),
            distortion=distortion.State._make(map(torch.from_numpy, arrays.distortion)),
            memory=torch.from_numpy(arrays.memory).mT.flatten(0, 1)[None],
            averages=Averages._make(map(torch.from_numpy, arrays.averages)),
        )


def _copy(z: Tensor) -> Any:
    return np.array(z.numpy(), order="C")
