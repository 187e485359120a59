"""What the network of deep_step_size.py is told of a frame, and the averages that this takes.

Powers are logarithmic. Those of a band are relative to their running mean, that of the microphone for all signals on
its side, that of the far end for the other side, so that how loud either is makes no difference; those of a bin are
ratios. Coherences are magnitudes: |average of a b*|² over the average of |a|² times that of |b|².
"""

from typing import NamedTuple

import torch
from torch import Tensor

from aecbench.cancellers.kernels import coupling

__all__ = ["TINY", "Averages", "Features", "Frame", "Heard"]

TINY = 1e-6  # power of a bin that is next to silent
COHERENCE = 0.8  # decay per frame of the averages of which coherences are made
LEVEL = 0.01  # share of a frame in mean levels, once there are many
RATIO = 3.0  # decades, at most, between two powers of a bin


class Averages(NamedTuple):
    """What is remembered: F bins, B bands."""

    error: Tensor  # [N, F] smoothed power of the error
    auto: Tensor  # [N, 4, F] smoothed powers of microphone, far end, error and echo estimate
    cross: Tensor  # [N, 2, 2, F] cross-spectra of error, or microphone, with far end and echo estimate
    level: Tensor  # [N, 2, B] running means of logarithmic powers of microphone and far end
    frames: Tensor  # [N] heard so far
    coupling: Tensor  # [N, 2] see coupling.py
    gain: Tensor  # [N] highest power gain of the echo path so far


class Frame(NamedTuple):
    """A frame before the filter has adapted to it. Complex numbers are pairs of planes."""

    mic: Tensor  # [N, 2, F]
    far: Tensor  # [N, 2, F] newest frame
    error: Tensor  # [N, 2, F] a-priori
    uncertainty: Tensor  # [N, F] expected power of the residual echo
    window: Tensor  # [N, F] power of the far end in all taps, weighed by the expected room


class Heard(NamedTuple):
    """What network and filter are told about frames; constants, as far as gradients go."""

    bands: Tensor  # [N, T, C, B]
    bins: Tensor  # [N, T, D, F]
    power: Tensor  # [N, T, F] of the error, or without feedback of the microphone
    gain: Tensor  # [N, T, 1] power gain of the echo path
    news: Tensor  # [N, T, 1] by how much it is higher than ever


class Features:
    """Told with `feedback` of error and echo estimate too, else of microphone and far end alone."""

    def __init__(self, hop: int, smoothing: float, *, feedback: bool) -> None:
        """`smoothing` of the power of the error, per frame and over neighbouring bins; 0 is none."""
        self.hop, self.smoothing, self.feedback = hop, smoothing, feedback
        self.channels, self.detail = (8, 3) if feedback else (4, 1)

    def initial(self, like: Tensor, bands: int) -> Averages:
        """Before the first frame of spectra like [N, T, F], real."""
        n, bins = like.shape[0], like.shape[-1]
        return Averages(
            error=like.new_zeros(n, bins),
            auto=like.new_zeros(n, 4, bins),
            cross=like.new_zeros(n, 2, 2, bins),
            level=like.new_zeros(n, 2, bands),
            frames=like.new_zeros(n),
            coupling=like.new_zeros(n, 2),
            gain=like.new_full((n,), coupling.LOWEST),
        )

    def __call__(self, frame: Frame, averages: Averages, bands: Tensor) -> tuple[Heard, Averages]:
        """One frame, with `bands` as control.bands gives them [F, B]; and the averages with it."""
        smooth = self.smoothing
        ours, first = (4, 2) if self.feedback else (1, 0)  # powers on the microphone's side; whose coherences are meant
        signals = torch.stack([frame.mic, frame.far, frame.error, frame.mic - frame.error], 1)
        powers = signals.square().sum(2)
        d2, x2, e2, y2 = powers.unbind(1)
        average = torch.lerp(_three(e2), averages.error, smooth)
        auto = torch.lerp(powers, averages.auto, COHERENCE)
        products = _conjugate_product(signals[:, first : first + 1], signals[:, 1::2])
        cross = torch.lerp(products, averages.cross, COHERENCE)
        coherence = cross.square().sum(2) / (auto[:, first : first + 1] * auto[:, 1::2] + TINY**2)
        if self.feedback:
            bins = torch.stack([d2, e2, y2, frame.uncertainty, x2, frame.window], 1)
            logs = torch.log10(bins + TINY)
            ratios = [logs[:, 1] - logs[:, 0], logs[:, 3] - logs[:, 1], logs[:, 2] - logs[:, 1]]
            power = torch.lerp(e2, average, smooth)
        else:
            bins = torch.stack([d2, x2, frame.window], 1)
            logs = torch.log10(bins + TINY)
            ratios, coherence, power = [logs[:, 0] - logs[:, 2]], coherence[:, :1], d2
        summed = torch.cat([bins, coherence], 1) @ bands
        banded = torch.log10(summed[:, : ours + 2] + TINY)
        share = (1 / (averages.frames + 1)).clamp(min=LEVEL)[:, None, None]
        level = torch.lerp(averages.level, banded[:, : ours + 1 : ours], share)
        relative = banded[:, :ours] - level[:, :1], banded[:, ours:] - level[:, 1:]
        told = torch.cat([*relative, summed[:, ours + 2 :] / bands.sum(0)], 1)
        detail = torch.stack(ratios, 1).clamp(-RATIO, RATIO)
        sums, gain = self._couple(d2.mean(-1), frame.window.mean(-1), averages.coupling)
        news = (gain - averages.gain).clamp(min=0)
        heard = Heard(told[:, None], detail[:, None], power[:, None], gain[:, None, None], news[:, None, None])
        highest = torch.maximum(averages.gain, gain)
        return heard, Averages(average, auto, cross, level, averages.frames + 1, sums, highest)

    def _couple(self, mic: Tensor, far: Tensor, sums: Tensor) -> tuple[Tensor, Tensor]:
        """As coupling.observe and coupling.power_gain, of mean powers [N] of bins."""
        mic, far = mic / self.hop, far / self.hop
        sums = sums * coupling.FORGET**self.hop + self.hop * torch.stack([mic * far, far * far], -1)
        return sums, (sums[:, 0] / (sums[:, 1] + coupling.DOUBT)).clamp(coupling.LOWEST, coupling.HIGHEST)


def _three(power: Tensor) -> Tensor:
    """Mean over three neighbouring bins [N, F], of the outermost two."""
    return torch.nn.functional.avg_pool1d(power[:, None], 3, 1, 1, count_include_pad=False)[:, 0]


def _conjugate_product(a: Tensor, b: Tensor) -> Tensor:
    """Products a b* of planes [N, 1, 2, F] and [N, M, 2, F]."""
    real = (a * b).sum(2)
    return torch.stack([real, a[:, :, 1] * b[:, :, 0] - a[:, :, 0] * b[:, :, 1]], 2)
