"""Checks a network before and in its first step, so that a mistake in it is reported in one line, and at once."""

import copy
from typing import Any

import torch
from torch import Tensor

from aecbench.cancellers.deep.base import Network
from aecbench.cancellers.deep.framewise import FramewiseNetwork
from aecbench.errors import UsageError, blamed

__all__ = ["check_frames", "check_loss"]

BATCH, FRAMES = 2, 5  # size of the input of `check_frames`


def check_frames(network: Network, model: str) -> None:
    """Raise UsageError unless `frames`, if there is one, returns spectra of the right shape and a fitting state.

    It runs on a copy in evaluation mode, so that neither weights nor random numbers of the training change. `model` is
    its name in messages.
    """
    if not isinstance(network, FramewiseNetwork):
        return
    probe = copy.deepcopy(network).eval().requires_grad_(False)
    device = next((weight.device for weight in probe.parameters()), torch.device("cpu"))
    noise = torch.randn(2, BATCH, FRAMES * probe.config.hop_length, generator=torch.Generator().manual_seed(0))
    with blamed(f"{model}: spectra"):
        spectra = probe.spectra(*noise.to(device))
    with blamed(f"{model}: initial"):
        initial = probe.initial(spectra[0])
    shape = list(spectra.shape)
    with blamed(f"{model}: frames, given spectra {shape},"):
        result: Any = probe.frames(spectra, initial)
    match result:
        case (Tensor() as output, state):
            pass
        case _:
            raise UsageError(f"{model}: frames returned {_described(result)}, expected a tuple of output and state")
    expected = [*spectra.shape[1:3], probe.synthesis[0] // 2 + 1]
    if list(output.shape) != expected or not output.is_complex():
        raise UsageError(
            f"{model}: frames returned {_described(output)} for spectra {shape}, expected complex {expected}: a "
            f"spectrum for each signal of the batch and each frame, with {expected[-1]} bins"
        )
    if _structure(state) != _structure(initial):
        raise UsageError(
            f"{model}: frames returned the state {_described(state)}, expected {_described(initial)}, as from initial; "
            f"return the memory after the last frame"
        )


def check_loss(result: Any, model: str) -> tuple[Tensor, dict[str, Tensor]]:
    """Return what `loss` returned. Raises UsageError unless it is a scalar that can be minimised, and its parts."""
    match result:
        case (Tensor() as loss, dict() as parts) if loss.ndim == 0 and loss.requires_grad:
            return loss, parts
        case (Tensor() as loss, dict()) if loss.ndim == 0:
            raise UsageError(f"{model}: loss does not depend on any weight; do not detach it, and use no torch.no_grad")
    raise UsageError(
        f"{model}: loss returned {_described(result)}, expected a scalar and a dictionary of its parts; "
        f"return loss.mean(), {{}}"
    )


def _structure(value: Any) -> Any:
    """Return the types in nested tuples; the shapes of tensors may change, as in a memory that grows."""
    return tuple(map(_structure, value)) if isinstance(value, tuple) else type(value)


def _described(value: Any) -> str:
    """Return the structure of nested tuples of tensors: the type and shape of each.

    >>> _described((torch.zeros(2, 3), None))
    '(float32 [2, 3], None)'
    """
    match value:
        case Tensor():
            return f"{str(value.dtype).removeprefix('torch.')} {list(value.shape)}"
        case tuple():
            return f"({', '.join(map(_described, value))})"
        case None:
            return "None"
    return type(value).__name__
