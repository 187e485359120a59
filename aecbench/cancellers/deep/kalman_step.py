"""A block of the Kalman filter of aecbench.cancellers.kalman in torch operations, to go into an exported model.

The same equations in the same order, for one signal, with main and shadow filter side by side; what the kernels decide
with `if`, a `where` decides here. That they agree is tested.
"""

import torch
from torch import Tensor

from aecbench.cancellers import kalman
from aecbench.cancellers.kalman import Kalman, State
from aecbench.cancellers.kernels import coupling, overlap_save, two_filters

__all__ = ["step"]

TINY = float(kalman.TINY)


def step(settings: Kalman, state: State, mic: Tensor, far: Tensor) -> tuple[State, Tensor]:
    """As `Kalman.step`: mic and far [block] -> next state, output [block]. The arrays of both states are tensors."""
    w, c, d, error, fit, sums, spectra, past, part, turn = (torch.as_tensor(value) for value in state)
    size, partitions = mic.shape[-1], spectra.shape[0]
    x = torch.cat([torch.fft.rfft(torch.cat([past, far]))[None], spectra[:-1]])
    x2 = _power(x)
    room = 10 ** (-settings.decay / 10 * torch.arange(partitions) / partitions)
    room = (room / room.sum())[:, None]
    far_power = (room * x2).mean(-1).sum() / (2 * size)
    sums = sums * coupling.FORGET**size + torch.stack([mic.square().sum(), size * far_power]) * far_power
    gain = (sums[0] / (sums[1] + coupling.DOUBT)).clamp(coupling.LOWEST, coupling.HIGHEST)

    y = _echo(w, x)
    factor, fit = _fit_gain(mic, y, gain * far_power, fit)
    w, c = _scaled(w, factor[:, :, None]), c * factor.square()[:, :, None]
    e = mic - factor * y
    mean = e.square().mean(-1)
    error = kalman.MEMORY * error + (1 - kalman.MEMORY) * mean
    error = torch.where(factor[:, 0] != 1, torch.minimum(error, mean), error)

    a2 = torch.tensor([[[settings.transition**2]], [[settings.shadow_transition**2]]])
    least = torch.stack([0 * room, gain * room])
    c = a2 * c + (1 - a2) * torch.maximum(_power(w), least)
    residual = (x2 * c).sum(1) / 2
    spectrum = torch.fft.rfft(torch.nn.functional.pad(e, (size, 0)))
    d = settings.smoothing * d + (1 - settings.smoothing) * _smooth(_power(spectrum))
    psi = torch.maximum(d - residual / 2, two_filters.CERTAIN * d)
    scale = 0.5 / (residual + psi + TINY)
    w = w + _scaled(x.conj() * _scaled(spectrum, scale)[:, None], c)
    c = c - c.square() * (scale[:, None] * x2) / 2

    w = _constrain(w, turn)
    w, c, d, error, fit = _exchange(w, c, d, error, fit)
    out, part = _subtract(mic, _echo(w[:1], x)[0], part)
    return State._make((w, c, d, error, fit, sums, x, far, part, (turn + 1) % partitions)), out


def _power(x: Tensor) -> Tensor:
    return x.real.square() + x.imag.square()


def _scaled(z: Tensor, by: Tensor) -> Tensor:
    """A complex tensor times a real one; an exporter would make a complex one of that first."""
    return torch.view_as_complex(torch.view_as_real(z) * by[..., None])


def _echo(w: Tensor, x: Tensor) -> Tensor:
    """The echo estimates [F, B] of filters w [F, P, K]."""
    y: Tensor = torch.fft.irfft((w * x).sum(1))
    return y[:, y.shape[-1] // 2 :]


def _smooth(power: Tensor) -> Tensor:
    """Mean of three neighbouring bins [..., K]; the outermost stay."""
    inner = (power[..., :-2] + power[..., 1:-1] + power[..., 2:]) / 3
    return torch.cat([power[..., :1], inner, power[..., -1:]], -1)


def _fit_gain(mic: Tensor, y: Tensor, expected: Tensor, fit: Tensor) -> tuple[Tensor, Tensor]:
    """Factors [F, 1] of the echo estimates y [F, B], and the sums of products [F, 3]."""
    e = mic - y
    now = torch.stack([(y * e).sum(-1), y.square().sum(-1), e.square().sum(-1)], -1)
    fit = kalman.FIT_MEMORY * fit + now
    ye, yy, ee = (fit[:, i : i + 1] for i in range(3))
    explains = (ye.square() > kalman.FIT * yy * ee) & (now[:, :1] * ye > 0)
    audible = (yy > TINY) & (now[:, 1:2] > kalman.AUDIBLE * y.shape[-1] * expected)
    changed = explains & audible
    factor = torch.where(changed, (1 + ye / torch.where(changed, yy, 1.0)).clamp(min=0), 1.0)
    return factor, torch.where(changed, 0.0, fit)


def _constrain(w: Tensor, turn: Tensor) -> Tensor:
    """Filters [F, P, K] of which the partitions whose turn it is have their response cut."""
    partitions, planes = w.shape[1], torch.view_as_real(w)
    for i in range(kalman.CUT):
        place = (turn + i * partitions // kalman.CUT) % partitions
        response = torch.fft.irfft(torch.view_as_complex(planes.index_select(1, place[None])))
        size = response.shape[-1] // 2
        cut = torch.view_as_real(torch.fft.rfft(torch.nn.functional.pad(response[..., :size], (0, size))))
        planes = torch.where((torch.arange(partitions) == place)[:, None, None], cut, planes)
    return torch.view_as_complex(planes)


def _exchange(w: Tensor, c: Tensor, d: Tensor, error: Tensor, fit: Tensor) -> tuple[Tensor, ...]:
    """The better filter hands over its estimate. The shadow stays as uncertain as it was."""
    shadow_teaches = error[1] < kalman.TAKE_OVER * error[0]
    main_teaches = ~shadow_teaches & (error[0] < error[1])

    def taught(z: Tensor) -> Tensor:
        return torch.stack([torch.where(shadow_teaches, z[1], z[0]), torch.where(main_teaches, z[0], z[1])])

    unsure = torch.stack([torch.where(shadow_teaches, c[1], c[0]), torch.where(main_teaches, c.amax(0), c[1])])
    planes = taught(torch.view_as_real(w))
    return torch.view_as_complex(planes), unsure, taught(d), taught(error), taught(fit)


def _subtract(mic: Tensor, y: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
    """What is left of mic [B], and the fraction of y [B] that was taken off it."""
    my, yy = (mic * y).sum(), y.square().sum()
    louder = yy > 2 * my
    part = torch.where(louder, (my / torch.where(louder, yy, 1.0)).clamp(min=0), 1.0)
    start = torch.minimum(before, part)
    rise = ((torch.arange(y.shape[-1]) + 1) / overlap_save.FADE).clamp(max=1)
    return mic - (start + (part - start) * rise) * y, part
