"""The multiplications of a network, counted while it processes one frame.

The network runs on torch's device "meta", which has no data and computes nothing. torch.utils.flop_counter counts
products of matrices and convolutions; elementwise products, squares and complex numbers are added here. An adaptive
layer runs there as its plain loop, so its products count like all others. `abilities.Count` defines a MAC.
"""

import copy
from math import prod
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils import flop_counter

from aecbench.cancellers.abilities import Count, transform

if TYPE_CHECKING:
    from aecbench.cancellers.deep.framewise import FramewiseNetwork

__all__ = ["frame_macs", "network_count"]

aten = torch.ops.aten
FLOPS = 2  # per MAC, as FlopCounterMode counts


def network_count(network: "FramewiseNetwork", signals: int) -> Count:
    """Return parameters and MACs per sample, transforms included, of a network that gets `signals` spectra."""
    config = network.config
    macs = frame_macs(network, signals) + signals * transform(config.n_fft) + transform(network.synthesis[0])
    return Count(sum(p.numel() for p in network.parameters()), macs / config.hop_length)


def frame_macs(network: "FramewiseNetwork", signals: int) -> float:
    """Return the MACs of `frames` for one frame, given `signals` spectra."""
    network, bins = copy.deepcopy(network).to("meta"), network.config.n_fft // 2 + 1
    spectra = torch.zeros(signals, 1, 1, bins, dtype=torch.complex64, device="meta")
    counter = flop_counter.FlopCounterMode(display=False, custom_mapping=ELEMENTWISE)
    with torch.no_grad():
        state = network.initial(spectra[0])
        with counter:
            network.frames(spectra, state)
    return counter.get_total_flops() / FLOPS


def _products(a: Any, b: Any, *_: Any, out_val: Tensor, **__: Any) -> int:
    """Return the FLOPs of an elementwise product of tensors, or of a tensor and a number."""
    reals = [2 if (isinstance(x, Tensor) and x.is_complex()) or isinstance(x, complex) else 1 for x in (a, b)]
    return FLOPS * prod(reals) * out_val.numel()


def _powers(x: Tensor, exponent: Any, *_: Any, out_val: Tensor, **__: Any) -> int:
    """Return the FLOPs of a square; other powers are not products."""
    return _products(x, x, out_val=out_val) if exponent == 2 else 0


def _transforms(x: Tensor, dim: list[int], *_: Any, out_val: Tensor, **__: Any) -> int:
    """Return the FLOPs of transforms of real samples, or of their inverses, along one axis."""
    samples = max(x.shape[dim[0]], out_val.shape[dim[0]])
    return round(FLOPS * transform(samples) * out_val.numel() / out_val.shape[dim[0]])


# FlopCounterMode then passes tensors, not shapes
_products._get_raw = True  # type: ignore[attr-defined]
_powers._get_raw = True  # type: ignore[attr-defined]
_transforms._get_raw = True  # type: ignore[attr-defined]

ELEMENTWISE: dict[Any, Any] = {
    aten.mul: _products,
    aten.mul_: _products,
    aten.pow: _powers,
    aten._fft_r2c: _transforms,
    aten._fft_c2r: _transforms,
}
