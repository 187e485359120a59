"""The listening pass of a training step on the CPU: the closed loop of inference/learned_filter.py over a batch.

The observations of the network in the closed loop are computed frame by frame and without gradients, so they do not
need torch: the code for inference takes a third of the time of torch's many small operations.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from aecbench.cancellers.deep.inference.learned_filter import Heard, LearnedFilter, Size
from aecbench.cancellers.deep.inference.weights import Weights
from aecbench.cancellers.deep.layers.threads import in_kernels, run_on_threads
from aecbench.cancellers.deep.parts.step_size_features import Observation

__all__ = ["can_hear", "compiled", "hear"]


def can_hear(mic: Tensor) -> bool:
    """Return whether `hear` can process such spectra: complex64, on the CPU."""
    return in_kernels(mic) and mic.dtype == torch.complex64


def compiled(module: nn.Module, size: Size, smoothing: float, kind: str) -> LearnedFilter:
    """Return the compiled loop with the present weights of `module`."""
    weights = Weights({name: z.numpy() for name, z in module.state_dict().items()}, Path(type(module).__name__))
    loop = LearnedFilter(weights, size, smoothing, kind)
    weights.finish()
    return loop


def hear(module: nn.Module, size: Size, smoothing: float, kind: str, mic: Tensor, far: Tensor) -> Heard:
    """Return, as tensors, what a filter with the weights of `module` observes in spectra [N, T, F] from frame 0 on."""
    loop = compiled(module, size, smoothing, kind)
    d, x = mic.detach().numpy(), far.detach().numpy()
    parts: dict[int, Heard] = {}

    def listen(first: int, last: int) -> None:
        parts[first] = loop.hear(d[first:last], x[first:last])

    run_on_threads(listen, (), len(d), d.size)
    observations, distortions, uncertainty = zip(*(parts[first] for first in sorted(parts)), strict=True)
    return Heard(
        Observation._make(_together(z) for z in zip(*observations, strict=True)),
        _together(distortions),
        _together(uncertainty),
    )


def _together(arrays: tuple[np.ndarray, ...]) -> Tensor:
    """Concatenate arrays of some signals each into one tensor of all signals."""
    return torch.from_numpy(arrays[0] if len(arrays) == 1 else np.concatenate(arrays))
