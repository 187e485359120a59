"""Features of a frame for the network of deep_step_size.py, and the averages from which they are computed.

Powers are logarithmic. Band powers are relative to a running mean, so that they do not depend on signal levels: the
mean of the microphone for microphone, error, echo estimate and uncertainty, and the mean of the far end for the far
end. Bin powers are ratios. Coherences are magnitude-squared: |mean of a b*|² / (mean of |a|² times mean of |b|²).
"""

from typing import Any

import torch
from torch import Tensor

from aecbench.cancellers.deep.layers.threads import in_kernels, run_on_threads
from aecbench.cancellers.deep.layers.two_filters import power_gain
from aecbench.cancellers.deep.parts import step_size_features_kernels as kernels
from aecbench.cancellers.deep.parts.step_size_features_kernels import (
    COHERENCE,
    LEVEL,
    RATIO,
    TINY,
    Averages,
    Frame,
    Observation,
)
from aecbench.cancellers.kernels import coupling

__all__ = ["TINY", "Averages", "Features", "Frame", "Observation"]


class Features:
    """Features of microphone and far end and, with `feedback`, of error and echo estimate too."""

    def __init__(self, hop: int, smoothing: float, *, feedback: bool) -> None:
        """Create the features for a hop in samples.

        `smoothing`, 0 to 1, smooths the power of the error over frames and neighbouring bins; 0 does not smooth it.
        """
        self.hop, self.smoothing, self.feedback = hop, smoothing, feedback
        self.channels, self.detail = (8, 3) if feedback else (4, 1)
        self._settings: kernels.Settings | None = None  # settings of the kernel, once the bands are known

    def initial(self, like: Tensor, bands: int) -> Averages:
        """Return the averages before the first frame of spectra with the shape of `like` [N, T, F], which is real."""
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

    def __call__(self, frame: Frame, averages: Averages, bands: Tensor) -> tuple[Observation, Averages]:
        """Return the observation of one frame and the averages after it; `bands` [F, B] as from `triangles`."""
        if self.feedback and in_kernels(frame.mic):
            return self._in_kernel(frame, averages, bands)
        return self.plain(frame, averages, bands)

    def _in_kernel(self, frame: Frame, averages: Averages, bands: Tensor) -> tuple[Observation, Averages]:
        """Return the same as `plain` with feedback, computed in numba."""
        (n, bins), new = frame.uncertainty.shape, frame.uncertainty.new_empty
        observation = Observation(
            bands=new(n, 1, self.channels, bands.shape[1]),
            bins=new(n, 1, self.detail, bins),
            power=new(n, 1, bins),
            gain=new(n, 1, 1),
            rise=new(n, 1, 1),
        )
        after = Averages(*(z.clone(memory_format=torch.contiguous_format) for z in averages))
        if self._settings is None:
            self._settings = kernels.settings(bands.numpy(), self.hop, self.smoothing)
        arguments = _arrays(frame), _arrays(after), _arrays(observation), self._settings
        run_on_threads(kernels.observe, arguments, n, n * bins)
        return observation, after

    def plain(self, frame: Frame, averages: Averages, bands: Tensor) -> tuple[Observation, Averages]:
        """Return the same as `__call__`, computed in torch on any device."""
        signals = torch.stack([frame.mic, frame.far, frame.error, frame.mic - frame.error], 1)
        powers = signals.square().sum(2)
        mic, far, error, echo = powers.unbind(1)
        smooth_error = torch.lerp(_three(error), averages.error, self.smoothing)
        auto = torch.lerp(powers, averages.auto, COHERENCE)
        first = 2 if self.feedback else 0  # signal whose coherence with far end and echo is used: error, or microphone
        products = _conjugate_product(signals[:, first : first + 1], signals[:, 1::2])
        cross = torch.lerp(products, averages.cross, COHERENCE)
        coherence = cross.square().sum(2) / (auto[:, first : first + 1] * auto[:, 1::2] + TINY**2)
        if self.feedback:
            mic_side, power = [mic, error, echo, frame.uncertainty], torch.lerp(error, smooth_error, self.smoothing)
        else:
            mic_side, power, coherence = [mic], mic, coherence[:, :1]
        bins = torch.stack([*mic_side, far, frame.window], 1)
        banded, level = self._levels(torch.cat([bins, coherence], 1) @ bands, len(mic_side), averages)
        sums, gain = power_gain(averages.coupling, mic.mean(-1) / self.hop, frame.window.mean(-1) / self.hop, self.hop)
        observation = Observation(
            bands=torch.cat([*banded[:2], banded[2] / bands.sum(0)], 1)[:, None],
            bins=self._ratios(torch.log10(bins + TINY))[:, None],
            power=power[:, None],
            gain=gain[:, None, None],
            rise=(gain - averages.gain).clamp(min=0)[:, None, None],
        )
        highest = torch.maximum(averages.gain, gain)
        return observation, Averages(smooth_error, auto, cross, level, averages.frames + 1, sums, highest)

    def _levels(self, sums: Tensor, mic_side: int, averages: Averages) -> tuple[tuple[Tensor, ...], Tensor]:
        """Return relative band powers of both sides, summed coherences, and the running means after this frame.

        `sums` [N, C, B] are sums over the bins of a band: `mic_side` powers on the microphone's side, two on the far
        end's, then coherences.
        """
        logs = torch.log10(sums[:, : mic_side + 2] + TINY)
        near, far = logs[:, :mic_side], logs[:, mic_side:]
        weight = (1 / (averages.frames + 1)).clamp(min=LEVEL)[:, None, None]
        level = torch.lerp(averages.level, torch.cat([near[:, :1], far[:, :1]], 1), weight)
        return (near - level[:, :1], far - level[:, 1:], sums[:, mic_side + 2 :]), level

    def _ratios(self, logs: Tensor) -> Tensor:
        """Return the features of bins [N, D, F] for logarithmic powers of both sides."""
        if self.feedback:
            mic, error, echo, uncertainty, _, _ = logs.unbind(1)
            ratios = [error - mic, uncertainty - error, echo - error]
        else:
            mic, _, window = logs.unbind(1)
            ratios = [mic - window]
        return torch.stack(ratios, 1).clamp(-RATIO, RATIO)


def _arrays(tensors: Any) -> Any:
    """Convert a named tuple of tensors to one of arrays."""
    return tensors._make(z.contiguous().numpy() for z in tensors)


def _three(power: Tensor) -> Tensor:
    """Return the mean over three neighbouring bins [N, F]; over two at either end."""
    return torch.nn.functional.avg_pool1d(power[:, None], 3, 1, 1, count_include_pad=False)[:, 0]


def _conjugate_product(a: Tensor, b: Tensor) -> Tensor:
    """Return the products a b* of planes [N, 1, 2, F] and [N, M, 2, F]."""
    real = (a * b).sum(2)
    return torch.stack([real, a[:, :, 1] * b[:, :, 0] - a[:, :, 0] * b[:, :, 1]], 2)
