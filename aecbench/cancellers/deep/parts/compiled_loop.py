"""The closed loop of learned_filter.py in compiled code, for fixed weights.

A frame of one signal takes a third of the time that torch needs, because torch spends most of it on launching many
small operations. The arithmetic is the same as in inference/learned_filter.py, and so are the states after the first
frame. The loop can continue from any state of the loop in torch.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from aecbench.cancellers.deep.inference import distortion
from aecbench.cancellers.deep.inference.learned_filter import State as Arrays
from aecbench.cancellers.deep.layers import step_size_filter_kernels as kernels
from aecbench.cancellers.deep.parts import listening
from aecbench.cancellers.deep.parts.learned_filter import Filtered, LearnedFilter, State
from aecbench.cancellers.deep.parts.step_size_features import Averages

__all__ = ["CompiledLoop"]


class CompiledLoop:
    """Filter and network with the present weights of a module on the CPU."""

    def __init__(self, module: LearnedFilter) -> None:
        self._loop = listening.compiled(module, module.size, module.features.smoothing, "hybrid")

    def __call__(self, mic: Tensor, far: Tensor, state: State | Arrays) -> tuple[Filtered, Arrays]:
        """Return the result of `LearnedFilter.listen` for spectra [N, T, F], complex64, and the next state.

        The arrays of a state are updated in place.
        """
        d, x, after = mic.numpy(), far.numpy(), self._arrays(state) if isinstance(state, State) else state
        frames = self._loop(d.swapaxes(0, 1), x.swapaxes(0, 1), after)[:3]
        return Filtered(*(torch.from_numpy(z.swapaxes(0, 1)) for z in frames)), after

    def _arrays(self, state: State) -> Arrays:
        """Return a copy of a state of the loop in torch as a state of this loop."""
        loop, (n, _, _, bins) = self._loop, state.inputs.shape
        inputs = np.zeros((n, loop.inputs * loop.size.taps, 2, bins), np.float32)
        inputs[:, loop.place] = state.inputs.numpy()
        return Arrays(
            filter=kernels.State(_array(state.weights), _array(state.covariance)),
            inputs=inputs,
            references=_array(state.references),
            distortion=distortion.State._make(map(_array, state.distortion)),
            memory=_array(state.memory.reshape(n, loop.size.bands, -1).mT),
            averages=Averages._make(map(_array, state.averages)),
        )


def _array(z: Tensor) -> Any:
    return np.array(z.numpy(), order="C")
