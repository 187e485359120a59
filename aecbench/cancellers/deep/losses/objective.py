"""What networks are trained to minimise: how much an estimate differs from its target. Signals are [N, T], real."""

import torch
from pydantic import Field
from torch import Tensor

from aecbench.cancellers.deep.base import Batch
from aecbench.cancellers.deep.losses.loudness import disturbance
from aecbench.record import Frozen

__all__ = ["Weights", "compressed_spectra", "objective", "residual", "sdr", "si_sdr"]

TINY = 1e-8


class Weights(Frozen):
    """The weights of the terms of `objective`; 0 leaves one out."""

    si_sdr: float = Field(0.05, ge=0)  # per dB
    sdr: float = Field(0.0, ge=0)  # per dB: as SI-SDR, but the level counts
    spectra: float = Field(5.0, ge=0)
    disturbance: float = Field(0.0, ge=0)  # per MOS that PESQ would take off
    residual: float = Field(0.03, ge=0)  # of the error of the output against the microphone, per dB
    echo: float = Field(0.03, ge=0)  # of the echo that a filter leaves against the echo, per dB
    noise: float = Field(0.0, ge=0, le=1)  # no term: the share of the amplitude of noise that is to stay, in mode joint


def objective(
    batch: Batch, estimate: Tensor, left: Tensor, echo: Tensor, mode: str, weights: Weights, rate: int = 16_000
) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted sum of the terms, and each of them, means over the batch.

    `estimate` [N, T] is the output, `left` and `echo` [N, frames, F] are spectra of the echo that a filter leaves and
    of all of it, `rate` is in Hz. SI-SDR, SDR and disturbance count where there is a near end, `echo` where there is
    echo, the others always: with nobody at the near end `residual` is the logarithm of what is still heard, with no
    echo that of what is distorted.
    """
    scale = batch.mic.square().mean(-1, keepdim=True).sqrt() + 1e-4
    target = (batch.near + (weights.noise if mode == "joint" else 1) * batch.noise) / scale
    estimate, mic = estimate / scale, batch.mic / scale
    talks = ((batch.near / scale).square().mean(-1) > 1e-4).to(target)
    echoes = ((batch.echo / scale).square().mean(-1) > 1e-6).to(target)
    parts = {
        "si_sdr": (talks * si_sdr(target, estimate)).mean(),
        "sdr": (talks * sdr(target, estimate)).mean(),
        "spectra": compressed_spectra(target, estimate).mean(),
        "disturbance": (talks * disturbance(target, estimate, rate)).mean(),
        "residual": residual((estimate - target).unfold(-1, 512, 256), mic.unfold(-1, 512, 256)).mean(),
        "echo": (echoes * residual(left, echo)).mean(),
    }
    signs = {"si_sdr": -1, "sdr": -1, "spectra": 1, "disturbance": 1, "residual": 1, "echo": 1}
    total = torch.stack([signs[name] * getattr(weights, name) * part for name, part in parts.items()]).sum()
    return total, {name: part.detach() for name, part in parts.items()}


def si_sdr(target: Tensor, estimate: Tensor, floor: float = 1e-3) -> Tensor:
    """Scale-invariant signal-to-distortion ratio [N] in dB, at most that of `floor`: 30 dB.

    J. Le Roux, S. Wisdom, H. Erdogan, J. R. Hershey, "SDR - half-baked or well done?", ICASSP 2019. A target of silence
    gives about the least there is, so leave it out.
    """
    target, estimate = (z - z.mean(-1, keepdim=True) for z in (target, estimate))
    scale = (target * estimate).sum(-1, keepdim=True) / (target.square().sum(-1, keepdim=True) + TINY)
    signal = (scale * target).square().sum(-1)
    return 10 * torch.log10((signal + TINY) / ((estimate - scale * target).square().sum(-1) + floor * signal + TINY))


def sdr(target: Tensor, estimate: Tensor, floor: float = 1e-3) -> Tensor:
    """Power of the target over that of the difference [N] in dB, at most that of `floor`: 30 dB."""
    signal = target.square().sum(-1)
    return 10 * torch.log10((signal + TINY) / ((estimate - target).square().sum(-1) + floor * signal + TINY))


def residual(error: Tensor, reference: Tensor, floor: float = 1e-5) -> Tensor:
    """Power of error over reference in dB, both real or complex: mean over frames of [N, frames, F], [N].

    Every frame counts the same, be it loud or not. The best there is are 10 log10(floor) dB.
    """
    power = _power(reference).sum(-1)
    power = power + 1e-3 * power.mean(-1, keepdim=True) + TINY
    return 10 * torch.log10(_power(error).sum(-1) / power + floor).mean(-1)


def compressed_spectra(
    target: Tensor, estimate: Tensor, frames: tuple[int, ...] = (256, 512, 1024), exponent: float = 0.3
) -> Tensor:
    """Squared differences of spectra with compressed magnitudes, with and without phase, mean over bins: [N].

    S. Braun, I. Tashev, "A consolidated view of loss functions for supervised deep learning-based speech enhancement",
    TSP 2021: a power of the magnitude makes quiet sounds count; here at several resolutions.
    """
    losses = []
    for frame in frames:
        window = torch.hann_window(frame, dtype=target.dtype, device=target.device)
        both = torch.stft(
            torch.cat([target, estimate]), frame, frame // 2, window=window, normalized=True, return_complex=True
        )
        power = _power(both) + TINY
        scale = power ** ((exponent - 1) / 2)
        magnitude = (power * scale.square()).sqrt()
        (s, r), (x, y) = magnitude.chunk(2), (both * scale).chunk(2)
        losses.append((0.7 * (s - r).square() + 0.3 * _power(x - y)).mean((-2, -1)))
    return torch.stack(losses).mean(0)


def _power(z: Tensor) -> Tensor:
    return z.real.square() + z.imag.square() if z.is_complex() else z.square()
