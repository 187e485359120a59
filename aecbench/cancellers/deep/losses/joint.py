"""The loss of deep_joint.py: errors of the output, residual echo, and lost near end."""

import torch
from torch import Tensor

from aecbench.cancellers.deep.base import Batch
from aecbench.cancellers.deep.losses.loudness import disturbance
from aecbench.cancellers.deep.losses.objective import COMPRESSION, compressed_spectra, residual, sdr, weighted_sum
from aecbench.cancellers.deep.losses.weights import JointWeights

__all__ = ["JointWeights", "joint_loss", "noise_gain"]

TINY = 1e-8
FRAME, HOP = 512, 256  # samples of the frames in which powers are compared


def noise_gain(noise: Tensor, weights: JointWeights) -> Tensor:
    """Return the gain [N, 1] of the noise [N, samples] in the target: the louder the noise, the lower its gain.

    The gain does not depend on who is talking, so the noise in the output does not fluctuate with the far end. As the
    noise is not removed completely, little of the near end is removed with it.
    """
    level = 10 * torch.log10(noise.square().mean(-1, keepdim=True) + 1e-12)
    return 10 ** (-weights.ratio * (level - weights.quiet).clamp(min=0) / 20)


def joint_loss(
    batch: Batch, estimate: Tensor, left: Tensor, echo: Tensor, weights: JointWeights, rate: int
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the weighted sum of the terms, and each term by name, as means over the batch.

    `estimate` [N, T] is the output; `left` and `echo` [N, frames, F] are spectra of the filter's residual echo and of
    the whole echo; `rate` is in Hz. The target is the near end plus the noise with `noise_gain`. "sdr", "lost" and
    "disturbance" count only in examples with a near end, "true_echo" and "filter" only in examples with echo, "spectra"
    and "residual" in all.
    """
    scale = batch.mic.square().mean(-1, keepdim=True).sqrt() + 1e-4
    target = (batch.near + noise_gain(batch.noise, weights) * batch.noise) / scale
    estimate, mic, true = estimate / scale, batch.mic / scale, batch.echo / scale
    talks, echoes = (((z / scale).square().mean(-1) > 1e-4).to(target) for z in (batch.near, batch.echo))
    parts = {
        "sdr": -(talks * sdr(target, estimate)).mean(),
        "spectra": compressed_spectra(target, estimate).mean(),
        "lost": (talks * lost(batch.near / scale, estimate)).mean(),
        "disturbance": (talks * disturbance(target, estimate, rate)).mean(),
        "residual": residual(_frames(estimate - target), _frames(mic)).mean(),
        "true_echo": (echoes * residual(_frames(estimate - target), _frames(true), floor=1e-3)).mean(),
        "filter": (echoes * residual(left, echo)).mean(),
    }
    return weighted_sum(parts, {name: getattr(weights, name) for name in parts})


def lost(near: Tensor, estimate: Tensor) -> Tensor:
    """Return how much of the near end [N, T] is missing in the estimate [N, T], [N].

    It is the mean squared difference of compressed magnitudes over the bins, where bins of the estimate that are not
    quieter than the near end count as 0. Q. Wang and others, "VoiceFilter-Lite: streaming targeted voice separation for
    on-device speech recognition", Interspeech 2020: over-suppression is penalised more than residual interference.
    """
    window = torch.hann_window(FRAME, dtype=near.dtype, device=near.device)

    def compressed(signal: Tensor) -> Tensor:
        z = torch.stft(signal, FRAME, HOP, window=window, normalized=True, return_complex=True)
        magnitudes: Tensor = (z.real.square() + z.imag.square() + TINY) ** (COMPRESSION / 2)
        return magnitudes

    return torch.relu(compressed(near) - compressed(estimate)).square().mean((-2, -1))


def _frames(x: Tensor) -> Tensor:
    return x.unfold(-1, FRAME, HOP)
