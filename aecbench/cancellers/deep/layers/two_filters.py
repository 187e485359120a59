"""Two adaptive filters on one far end, in torch: the equations that exported models and networks share.

cancellers/kernels/ has the same equations in numba, under the same names; the tests compare the two.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from aecbench.cancellers.kernels import coupling, two_filters

__all__ = ["Teacher", "better", "disturbance", "fit_gain", "hand_over", "power_gain"]

TINY = float(two_filters.TINY)


class Teacher(NamedTuple):
    """Which filter replaces the other; booleans without axes, at most one is true."""

    main: Tensor
    shadow: Tensor


def power_gain(sums: Tensor, mic_power: Tensor, far_power: Tensor, samples: int) -> tuple[Tensor, Tensor]:
    """Return the sums [..., 2] of kernels/coupling.py after a block, and the power gain [...] of the echo path.

    The powers [...] are means over the `samples` of the block.
    """
    block = torch.stack([mic_power * far_power, far_power * far_power], -1)
    sums = sums * coupling.FORGET**samples + samples * block
    gain = sums[..., 0] / (sums[..., 1] + coupling.DOUBT)
    return sums, gain.clamp(coupling.LOWEST, coupling.HIGHEST)


def fit_gain(
    mic: Tensor, y: Tensor, sums: Tensor, memory: float, fraction: float, audible: Tensor
) -> tuple[Tensor, Tensor]:
    """Return the factors [F, 1] of the echo estimates y [F, B] of filters, and the sums of products [F, 3] after them.

    A factor is 1 unless another one takes the `fraction` off the error power, and y has more than the `audible` energy.
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
    """Return the power of near end and noise in an error, given the powers of the error and of its residual echo."""
    return torch.maximum(error - residual / 2, two_filters.CERTAIN * error)


def better(error: Tensor, take_over: float, give_back: float) -> Teacher:
    """Return which filter has to teach the other, given their error powers [2]."""
    shadow = error[1] < take_over * error[0]
    return Teacher(main=~shadow & (error[1] > give_back * error[0]), shadow=shadow)


def hand_over(values: Tensor, teacher: Teacher) -> Tensor:
    """Return the values [2, ...] after one filter has got those of the other."""
    main, shadow = values
    return torch.stack([torch.where(teacher.shadow, shadow, main), torch.where(teacher.main, main, shadow)])
