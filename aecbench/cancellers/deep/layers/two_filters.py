"""Two adaptive filters side by side, in torch: equations that exported models and networks share.

Each is written in numba too, for the cancellers that run block by block; the tests compare the two.
"""

import torch
from torch import Tensor

from aecbench.cancellers import coupling, kalman

__all__ = ["deduct_residual", "exchange", "fit_gain", "power_gain"]

TINY = float(kalman.TINY)


def power_gain(sums: Tensor, mic_power: Tensor, far_power: Tensor, samples: int) -> tuple[Tensor, Tensor]:
    """Return the sums [..., 2] of coupling.py after a block, and the power gain [...] of the echo path.

    The powers [...] are means over the `samples` of the block.
    """
    block = torch.stack([mic_power * far_power, far_power * far_power], -1)
    sums = sums * coupling.FORGET**samples + samples * block
    gain = sums[..., 0] / (sums[..., 1] + coupling.DOUBT)
    return sums, gain.clamp(coupling.LOWEST, coupling.HIGHEST)


def fit_gain(mic: Tensor, echo: Tensor, expected: Tensor, fit: Tensor) -> tuple[Tensor, Tensor]:
    """Return the gains [F, 1] that fit the echo estimates [F, B] of filters to mic [B], and the sums `fit` [F, 3].

    The gain is 1 unless it takes a large part off the error, and the estimate has about the `expected` power.
    """
    error = mic - echo
    products = torch.stack([(echo * error).sum(-1), echo.square().sum(-1), error.square().sum(-1)], -1)
    fit = kalman.FIT_MEMORY * fit + products
    ye, yy, ee = (fit[:, i : i + 1] for i in range(3))
    explains = (ye.square() > kalman.FIT * yy * ee) & (products[:, :1] * ye > 0)
    audible = (yy > TINY) & (products[:, 1:2] > kalman.AUDIBLE * echo.shape[-1] * expected)
    changed = explains & audible
    gain = torch.where(changed, (1 + ye / torch.where(changed, yy, 1.0)).clamp(min=0), 1.0)
    return gain, torch.where(changed, 0.0, fit)


def deduct_residual(error_power: Tensor, residual: Tensor) -> Tensor:
    """Return the power of near end and noise, given the powers of the error and of the residual echo in it.

    Deducting all of the residual echo is fast but fragile, deducting nothing is slow: deduct half.
    """
    return torch.maximum(error_power - residual / 2, kalman.CERTAIN * error_power)


def exchange(error: Tensor, covariance: Tensor, rest: tuple[Tensor, ...]) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
    """Give the state of the better filter to the other one: `error` [2] is the power of main and shadow filter's error.

    Return error, covariance [2, ...] and the `rest` of the state, each [2, ...]. The shadow keeps its covariance where
    that is larger.
    """
    shadow_is_better = error[1] < kalman.TAKE_OVER * error[0]
    main_is_better = ~shadow_is_better & (error[0] < error[1])

    def better(z: Tensor) -> Tensor:
        return torch.stack([torch.where(shadow_is_better, z[1], z[0]), torch.where(main_is_better, z[0], z[1])])

    main = torch.where(shadow_is_better, covariance[1], covariance[0])
    shadow = torch.where(main_is_better, covariance.amax(0), covariance[1])
    return better(error), torch.stack([main, shadow]), tuple(better(z) for z in rest)
