"""The perceived disturbance of the near end, as a loss: a differentiable approximation of PESQ.

ITU-T Recommendation P.862 (2001): spectra are converted to loudness in sone over critical bands. Added loudness counts
more than missing loudness, small differences are masked, and the worst moments have the largest weight. J. M.
Martin-Donas, A. M. Gomez, J. A. Gonzalez, A. M. Peinado, "A deep learning loss function based on the perceptual
evaluation of the speech quality", IEEE Signal Processing Letters 25, 2018, train with such a measure. The parts of
P.862 that compensate for telephone lines, the alignment in time and of frequency responses, are omitted.
"""

import torch
from torch import Tensor

__all__ = ["disturbance"]

FRAME = 0.032  # frame length [s]; the hop is half of it
BAND = 0.47  # width of a band [Bark], about half a critical band
LEVEL = 1e10  # power to which signals are scaled, relative to the threshold of hearing at 1 kHz; close to PESQ's
SONE = 0.187  # scale factor of the loudness
POWER = 0.23  # Zwicker's exponent, from intensity to loudness
TINY = 1e-6


def disturbance(target: Tensor, estimate: Tensor, rate: int) -> Tensor:
    """Return the perceived difference [N] between estimate and target [N, samples], in MOS that PESQ deducts from 4.5.

    The rate is in Hz. The overall levels have no effect. The value is meaningless for a silent target: omit it then.
    """
    frame = 2 * round(rate * FRAME / 2)
    members, widths, threshold = (z.to(target) for z in _bands(frame, rate))
    window = torch.hann_window(frame, dtype=target.dtype, device=target.device)

    def bands(signal: Tensor) -> Tensor:
        """Return powers [N, T, bands], scaled so that their sum over the bands is LEVEL on average."""
        padded = torch.nn.functional.pad(signal, (0, max(0, frame - signal.shape[-1])))
        spectra = torch.fft.rfft(padded.unfold(-1, frame, frame // 2) * window, norm="ortho")
        power = (spectra.real.square() + spectra.imag.square()) @ members
        scaled: Tensor = LEVEL * power / (power.sum(-1, keepdim=True).mean(1, keepdim=True) + TINY)
        return scaled

    clean, degraded = bands(target), bands(estimate)
    degraded = degraded * _gains(_audible(clean, threshold), _audible(degraded, threshold))
    loud, louder = (_loudness(z, threshold) for z in (clean, degraded))
    change = louder - loud
    change = change.sign() * torch.relu(change.abs() - 0.25 * torch.minimum(loud, louder))
    asymmetry = ((degraded + 50) / (clean + 50)).clamp(1e-3, 1e3) ** 1.2
    asymmetry = torch.where(asymmetry < 3, 0.0, asymmetry.clamp(max=12.0))
    total = widths.sum()
    symmetric = total * (((widths * change).square().sum(-1) / total) + TINY).sqrt()
    added = (widths * torch.relu(change) * asymmetry).sum(-1)
    importance = ((_audible(clean, threshold) + 1e5) / 1e7) ** 0.04
    symmetric, added = ((z / importance).clamp(max=45.0) for z in (symmetric, added))
    return 0.1 * _over_time(symmetric) + 0.0309 * _over_time(added)


def _audible(power: Tensor, threshold: Tensor) -> Tensor:
    """Return the total power of the bands above the threshold of hearing in each frame [N, T]."""
    return (power * (power > threshold)).sum(-1)


def _gains(clean: Tensor, degraded: Tensor) -> Tensor:
    """Return the gains [N, T, 1] that compensate level differences of frames, as in P.862."""
    ratio = (clean + 5e3) / (degraded + 5e3)
    before = torch.cat([ratio[:, :1], ratio[:, :-1]], 1)
    return (0.2 * before + 0.8 * ratio).clamp(3e-4, 5)[..., None]


def _loudness(power: Tensor, threshold: Tensor) -> Tensor:
    louder = torch.relu((0.5 + 0.5 * power / threshold) ** POWER - 1)
    return SONE * (threshold / 0.5) ** POWER * louder


def _over_time(z: Tensor) -> Tensor:
    """Return a mean over frames [N, T] that emphasises the worst frames within each third of a second."""
    seconds = z.unfold(-1, min(20, z.shape[-1]), 10)
    worst = (seconds + 1e-3).pow(6).mean(-1).pow(1 / 6)
    return worst.square().mean(-1).sqrt()


def _bands(frame: int, rate: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return which bins are in which band [F, bands] (0 or 1), and widths [Bark] and hearing thresholds [bands].

    The thresholds are powers.
    """
    hz = torch.arange(frame // 2 + 1, dtype=torch.float64) * rate / frame
    bark = 6 * torch.asinh(hz / 600)  # M. R. Schroeder, B. S. Atal, J. L. Hall, 1979
    count = round(float(bark[-1]) / BAND)
    corners = torch.linspace(0, float(bark[-1]), count + 1, dtype=torch.float64)
    band = torch.bucketize(bark, corners[1:-1])
    bands = torch.unique(band)  # bands that contain a bin
    members = (band[:, None] == bands).double()
    widths = torch.diff(corners[torch.cat([bands, torch.tensor([count])])])
    khz = ((members * hz[:, None]).sum(0) / members.sum(0)).clamp(min=50) / 1000
    decibels = 3.64 * khz**-0.8 - 6.5 * torch.exp(-0.6 * (khz - 3.3) ** 2) + 1e-3 * khz**4  # E. Terhardt, 1979
    return members, widths, 10 ** (decibels / 10)
