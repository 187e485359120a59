"""Operations on a main and a shadow filter in torch, for exported models and networks.

cancellers/kernels/ has the same equations in numba, under the same names; tests compare the two.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from aecbench.cancellers.kernels import coupling, two_filters

__all__ = ["Source", "better", "disturbance", "fit_gain", "power_gain", "transfer"]

TINY = float(two_filters.TINY)


class Source(NamedTuple):
    """Which filter replaces the other: boolean scalars, at most one is true."""

    main: Tensor
    shadow: Tensor


def power_gain(sums: Tensor, mic_power: Tensor, far_power: Tensor, samples: int) -> tuple[Tensor, Tensor]:
    """Return the sums [..., 2] of kernels/coupling.py after a block, and the power gain [...] of the echo path.

    The powers [...] are means over the `samples` samples of the block.
    """
    block = torch.stack([mic_power * far_power, far_power * far_power], -1)
    sums = sums * coupling.FORGET**samples + samples * block
    gain = sums[..., 0] / (sums[..., 1] + coupling.DOUBT)
    return sums, gain.clamp(coupling.LOWEST, coupling.HIGHEST)


def fit_gain(
    mic: Tensor, y: Tensor, sums: Tensor, memory: float, fraction: float, audible: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the gains [F, 1] for the echo estimates y [F, B] of F filters, and the updated sums of products [F, 3].

    The gain is 1 unless the least-squares gain reduces the error power by more than `fraction` of it, and the energy of
    y exceeds `audible`; see kernels/two_filters.py.
    """
    e = mic - y
    products = torch.stack([(y * e).sum(-1), y.square().sum(-1), e.square().sum(-1)], -1)
    sums = memory * sums + products
    ye, yy, ee = (sums[:, i : i + 1] for i in range(3))
    explains = (ye.square() > fraction * yy * ee) & (products[:, :1] * ye > 0)
    changed = explains & (yy > TINY) & (products[:, 1:2] > audible)
    factor = torch.where(changed, 1 + ye / torch.where(changed, yy, 1.0), 1.0)
    return factor, torch.where(changed, 0.0, sums)


def disturbance(error: Tensor, residual: Tensor) -> Tensor:
    """Return the power of near end and noise, from the powers of the error and of its expected residual echo."""
    return torch.maximum(error - residual / 2, two_filters.CERTAIN * error)


def better(error: Tensor, take_over: float, give_back: float) -> Source:
    """Return which filter should replace the other, given their error powers [2]."""
    shadow = error[1] < take_over * error[0]
    return Source(main=~shadow & (error[1] > give_back * error[0]), shadow=shadow)


def transfer(values: Tensor, source: Source) -> Tensor:
    """Return the values [2, ...] after those of the `source`, if any, have been copied over the other's."""
    main, shadow = values
    return torch.stack([torch.where(source.shadow, shadow, main), torch.where(source.main, main, shadow)])
