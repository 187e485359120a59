"""A block of the Kalman filter of aecbench.cancellers.kalman in torch operations, for exported models.

The equations are the same, in the same order, for one signal, with main and shadow filter side by side; the `if`s of
the kernels are `where`s. A test compares the two.
"""

import torch
from torch import Tensor

from aecbench.cancellers import kalman
from aecbench.cancellers.deep.layers import two_filters
from aecbench.cancellers.kalman import Kalman, State
from aecbench.cancellers.kernels import overlap_save

__all__ = ["step"]

TINY = float(kalman.TINY)


def step(settings: Kalman, state: State, mic: Tensor, far: Tensor) -> tuple[State, Tensor]:
    """Do as `Kalman.step`: mic and far [block] -> next state, output [block]. The fields of both states are tensors."""
    w, c, d, error, fit, sums, spectra, past, gain, turn = (torch.as_tensor(value) for value in state)
    size, partitions = mic.shape[-1], spectra.shape[0]
    x = torch.cat([torch.fft.rfft(torch.cat([past, far]))[None], spectra[:-1]])
    x2 = _power(x)
    room = 10 ** (-settings.decay / 10 * torch.arange(partitions) / partitions)
    room = (room / room.sum())[:, None]
    far_power = (room * x2).mean(-1).sum() / (2 * size)
    sums, path_gain = two_filters.power_gain(sums, mic.square().mean(), far_power, size)

    y = _echo(w, x)
    audible = kalman.AUDIBLE * size * path_gain * far_power
    factor, fit = two_filters.fit_gain(mic, y, fit, kalman.FIT_MEMORY, kalman.FIT, audible)
    factor = factor.clamp(min=0)
    w, c = w * factor[:, :, None], c * factor.square()[:, :, None]
    e = mic - factor * y
    mean = e.square().mean(-1)
    error = kalman.MEMORY * error + (1 - kalman.MEMORY) * mean
    error = torch.where(factor[:, 0] != 1, torch.minimum(error, mean), error)

    a2 = torch.tensor([[[settings.transition**2]], [[settings.shadow_transition**2]]])
    least = torch.stack([0 * room, path_gain * room])
    c = a2 * c + (1 - a2) * torch.maximum(_power(w), least)
    residual = (x2 * c).sum(1) / 2
    spectrum = torch.fft.rfft(torch.nn.functional.pad(e, (size, 0)))
    d = settings.smoothing * d + (1 - settings.smoothing) * _smooth(_power(spectrum))
    scale = 0.5 / (residual + two_filters.disturbance(d, residual) + TINY)
    w = w + x.conj() * (spectrum * scale)[:, None] * c
    c = c - c.square() * (scale[:, None] * x2) / 2

    w = _constrain(w, turn)
    source = two_filters.better(error, kalman.TAKE_OVER, 1)
    c = torch.stack([torch.where(source.shadow, c[1], c[0]), torch.where(source.main, c.amax(0), c[1])])
    w, d, error, fit = (two_filters.transfer(z, source) for z in (w, d, error, fit))
    out, gain = _subtract(mic, _echo(w[:1], x)[0], gain)
    return State._make((w, c, d, error, fit, sums, x, far, gain, (turn + 1) % partitions)), out


def _power(x: Tensor) -> Tensor:
    return x.real.square() + x.imag.square()


def _echo(w: Tensor, x: Tensor) -> Tensor:
    """Return the echo estimates [F, B] of filters w [F, P, K]."""
    y: Tensor = torch.fft.irfft((w * x).sum(1))
    return y[:, y.shape[-1] // 2 :]


def _smooth(power: Tensor) -> Tensor:
    """Return the mean of three neighbouring bins [..., K]; the outermost stay."""
    inner = (power[..., :-2] + power[..., 1:-1] + power[..., 2:]) / 3
    return torch.cat([power[..., :1], inner, power[..., -1:]], -1)


def _constrain(w: Tensor, turn: Tensor) -> Tensor:
    """Return filters [F, P, K] with the response of the partitions cut whose turn it is."""
    partitions = w.shape[1]
    for i in range(kalman.CUT):
        partition = (turn + i * partitions // kalman.CUT) % partitions
        response = torch.fft.irfft(w.index_select(1, partition[None]))
        size = response.shape[-1] // 2
        cut = torch.fft.rfft(torch.nn.functional.pad(response[..., :size], (0, size)))
        w = torch.where((torch.arange(partitions) == partition)[:, None], cut, w)
    return w


def _subtract(mic: Tensor, y: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """Return mic [B] less a fraction of y [B], and this fraction at the end of the block."""
    my, yy = (mic * y).sum(), y.square().sum()
    louder = yy > 2 * my
    gain = torch.where(louder, (my / torch.where(louder, yy, 1.0)).clamp(min=0), 1.0)
    start = torch.minimum(before, gain)
    rise = ((torch.arange(y.shape[-1]) + 1) / overlap_save.FADE).clamp(max=1)
    return mic - (start + (gain - start) * rise) * y, gain
