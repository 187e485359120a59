"""Terms of loss functions: how much an estimate differs from its target. Signals are real, [N, samples]."""

from typing import NamedTuple

import torch
from torch import Tensor

from aecbench.cancellers.deep.base import Batch
from aecbench.cancellers.deep.losses.loudness import disturbance
from aecbench.cancellers.deep.losses.weights import Weights

__all__ = ["Echoes", "Weights", "compressed_spectra", "objective", "residual", "sdr", "si_sdr", "weighted_sum"]

TINY = 1e-8
FLOOR = 1e-3  # of the power of a difference, relative to the target: an SDR ends at 30 dB
FRAMES = 256, 512, 1024  # samples, of the spectra that are compared
COMPRESSION = 0.3  # exponent of magnitudes


class Echoes(NamedTuple):
    """Spectra [N, T, F] by which a filter is assessed."""

    residual: Tensor  # residual echo
    all: Tensor  # echo at the microphone


def objective(
    batch: Batch, estimate: Tensor, echoes: Echoes, weights: Weights, *, mode: str, rate: int = 16_000
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the weighted sum of the terms, and each term by name, as means over the batch.

    `estimate` [N, samples] is the output of the network; `rate` is in Hz. "si_sdr", "sdr" and "disturbance" count only
    in examples with a near end, "echo" only in examples with echo, "spectra" and "residual" in all. "residual" measures
    what is left of echo and noise in examples without a near end, and the distortion of the near end in those without
    echo.
    """
    scale = batch.mic.square().mean(-1, keepdim=True).sqrt() + 1e-4
    target = (batch.near + (weights.noise if mode == "joint" else 1) * batch.noise) / scale
    estimate, mic = estimate / scale, batch.mic / scale
    talks = ((batch.near / scale).square().mean(-1) > 1e-4).to(target)
    has_echo = ((batch.echo / scale).square().mean(-1) > 1e-6).to(target)
    parts = {
        "si_sdr": (talks * si_sdr(target, estimate)).mean(),
        "sdr": (talks * sdr(target, estimate)).mean(),
        "spectra": compressed_spectra(target, estimate).mean(),
        "disturbance": (talks * disturbance(target, estimate, rate)).mean(),
        "residual": residual((estimate - target).unfold(-1, 512, 256), mic.unfold(-1, 512, 256)).mean(),
        "echo": (has_echo * residual(echoes.residual, echoes.all)).mean(),
    }
    signs = {"si_sdr": -1, "sdr": -1, "spectra": 1, "disturbance": 1, "residual": 1, "echo": 1}
    return weighted_sum(parts, {name: sign * getattr(weights, name) for name, sign in signs.items()})


def weighted_sum(parts: dict[str, Tensor], weights: dict[str, float]) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the weighted sum of the terms, and each term; terms with the weight 0 need no backward pass."""
    terms = [weights[name] * part for name, part in parts.items() if weights[name]]
    terms = terms or [0 * part for part in parts.values()]
    return torch.stack(terms).sum(), {name: part.detach() for name, part in parts.items()}


def si_sdr(target: Tensor, estimate: Tensor) -> Tensor:
    """Return the scale-invariant signal-to-distortion ratio [N] in dB, at most 30 dB.

    J. Le Roux, S. Wisdom, H. Erdogan, J. R. Hershey, "SDR - half-baked or well done?", ICASSP 2019. The value is
    meaningless for a silent target: omit it then.
    """
    target, estimate = (z - z.mean(-1, keepdim=True) for z in (target, estimate))
    scale = (target * estimate).sum(-1, keepdim=True) / (target.square().sum(-1, keepdim=True) + TINY)
    signal = (scale * target).square().sum(-1)
    return 10 * torch.log10((signal + TINY) / ((estimate - scale * target).square().sum(-1) + FLOOR * signal + TINY))


def sdr(target: Tensor, estimate: Tensor) -> Tensor:
    """Return the signal-to-distortion ratio [N] in dB, at most 30 dB; distortion = estimate - target."""
    signal = target.square().sum(-1)
    return 10 * torch.log10((signal + TINY) / ((estimate - target).square().sum(-1) + FLOOR * signal + TINY))


def residual(error: Tensor, reference: Tensor, floor: float = 1e-5) -> Tensor:
    """Return the ratio of the power of error to reference in dB, as a mean over the frames of [N, T, F]: [N].

    Both are real or complex. Loud and quiet frames have the same weight, except for frames of the reference more than
    30 dB below its mean. The lowest value is 10 log10(floor) dB.
    """
    power = _power(reference).sum(-1)
    power = power + 1e-3 * power.mean(-1, keepdim=True) + TINY
    return 10 * torch.log10(_power(error).sum(-1) / power + floor).mean(-1)


def compressed_spectra(target: Tensor, estimate: Tensor) -> Tensor:
    """Return the mean squared difference [N] of spectra with compressed magnitudes: 0.7 of magnitudes, 0.3 of complex.

    S. Braun, I. Tashev, "A consolidated view of loss functions for supervised deep learning-based speech enhancement",
    TSP 2021: raising magnitudes to the power 0.3 gives quiet sounds more weight. The result is a mean over several
    lengths of frames.
    """
    losses = []
    for frame in FRAMES:
        (s, x), (r, y) = (_compressed(z, frame) for z in (target, estimate))
        losses.append((0.7 * (s - r).square() + 0.3 * _power(x - y)).mean((-2, -1)))
    return torch.stack(losses).mean(0)


def _compressed(signal: Tensor, frame: int) -> tuple[Tensor, Tensor]:
    """Return compressed magnitudes, and spectra with these magnitudes, both [N, F, T]."""
    window = torch.hann_window(frame, dtype=signal.dtype, device=signal.device)
    spectra = torch.stft(signal, frame, frame // 2, window=window, normalized=True, return_complex=True)
    power = _power(spectra) + TINY
    scale = power ** ((COMPRESSION - 1) / 2)
    return (power * scale.square()).sqrt(), spectra * scale


def _power(z: Tensor) -> Tensor:
    return z.real.square() + z.imag.square() if z.is_complex() else z.square()
