"""The features of step_size_features.py with feedback, in numba: one pass over the bins of a frame.

The equations and their order are the same, and a test compares both. A frame of one signal takes a fifth of the time of
the torch operations, which consists mostly of the overhead of many small calls.
"""

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from aecbench.cancellers.deep.parts.bands import between
from aecbench.cancellers.kernels import coupling
from aecbench.cancellers.kernels.compile import reassociated

__all__ = [
    "COHERENCE",
    "LEVEL",
    "RATIO",
    "TINY",
    "Averages",
    "Frame",
    "Observation",
    "Settings",
    "observe",
    "settings",
    "start",
]

TINY = 1e-6  # power added to a bin, which avoids logarithms of 0
COHERENCE = 0.8  # forgetting factor per frame of the averages in the coherences
LEVEL = 0.01  # smallest weight of a new frame in the running means, from the 100th frame on
RATIO = 3.0  # limit of the ratio of two powers of a bin [decades]

Real = Any  # a NumPy array here, a tensor in step_size_features.py: float32
Integer = Any  # int64


class Averages(NamedTuple):
    """Averages up to a frame: F bins, B bands."""

    error: Real  # [N, F] smoothed power of the error
    auto: Real  # [N, 4, F] smoothed powers of microphone, far end, error and echo estimate
    cross: Real  # [N, 2, 2, F] cross-spectra of error, or microphone, with far end and echo estimate
    level: Real  # [N, 2, B] running means of logarithmic powers of microphone and far end
    frames: Real  # [N] number of frames so far
    coupling: Real  # [N, 2] see coupling.py
    gain: Real  # [N] highest power gain of the echo path so far


class Frame(NamedTuple):
    """A frame before the filter adapts to it. Complex numbers are pairs of planes: real and imaginary parts."""

    mic: Real  # [N, 2, F]
    far: Real  # [N, 2, F] newest frame
    error: Real  # [N, 2, F] a-priori
    uncertainty: Real  # [N, F] expected power of the residual echo
    window: Real  # [N, F] power of the far end at all taps, weighted by the expected power of the taps


class Observation(NamedTuple):
    """The input of network and filter for T frames, through which no gradients flow."""

    bands: Real  # [N, T, C, B] features of bands
    bins: Real  # [N, T, D, F] features of bins
    power: Real  # [N, T, F] power of the error or, without feedback, of the microphone
    gain: Real  # [N, T, 1] estimated power gain of the echo path
    rise: Real  # [N, T, 1] by how much this gain exceeds its highest value so far, or 0


class Settings(NamedTuple):
    """Constants of the kernel.

    Bands are triangles that overlap only their neighbours, so every bin is in two bands at most.
    """

    lower: Integer  # [F] index of the lower band of a bin
    share: Real  # [F] weight of the bin in its lower band; the weight in the next band is 1 - share
    width: Real  # [B] sum of the weights in a band
    samples: int  # hop
    smoothing: float  # see Features
    coherence: float
    level: float
    ratio: float
    tiny: float


def settings(bands: Real, samples: int, smoothing: float) -> Settings:
    """Return the constants for bands [F, B], a hop of `samples`, and the smoothing of the error's power."""
    lower, share = between(bands)
    return Settings(
        lower=lower,
        share=share,
        width=bands.sum(0),
        samples=samples,
        smoothing=smoothing,
        coherence=COHERENCE,
        level=LEVEL,
        ratio=10**RATIO,
        tiny=TINY,
    )


def start(signals: int, bins: int, bands: int) -> Averages:
    """Return the averages before the first frame, as float32."""
    zeros = partial(np.zeros, dtype=np.float32)
    return Averages(
        error=zeros((signals, bins)),
        auto=zeros((signals, 4, bins)),
        cross=zeros((signals, 2, 2, bins)),
        level=zeros((signals, 2, bands)),
        frames=zeros(signals),
        coupling=zeros((signals, 2)),
        gain=np.full(signals, coupling.LOWEST, np.float32),
    )


def observe(frame: Frame, averages: Averages, out: Observation, settings: Settings, first: int, last: int) -> None:
    """Set `out` to the observation of one frame and update the averages in place, for signals `first` to `last` - 1."""
    _observe(frame, averages, out, settings, first, last)
    np.log10(out.bins[first:last], out=out.bins[first:last])  # NumPy computes several at once


@reassociated
def _observe(frame: Frame, averages: Averages, out: Observation, settings: Settings, first: int, last: int) -> None:
    """Do what `observe` does, except that features of bins are ratios without the logarithm."""
    real = frame.uncertainty.dtype.type
    one, tiny, ratio, kept = real(1), real(settings.tiny), real(settings.ratio), real(settings.coherence)
    smoothing, hop = real(settings.smoothing), real(settings.samples)
    bins, count = frame.uncertainty.shape[1], settings.width.shape[0]
    powers, error = np.empty((6, bins), real), np.empty(bins, real)
    sums = np.empty((8, count), real)
    for s in range(first, last):
        sums[:] = 0
        d, x, e = frame.mic[s], frame.far[s], frame.error[s]
        auto, cross = averages.auto[s], averages.cross[s]
        mean_mic, mean_far = real(0), real(0)
        for k in range(bins):
            y0, y1 = d[0, k] - e[0, k], d[1, k] - e[1, k]
            d2 = d[0, k] * d[0, k] + d[1, k] * d[1, k]
            x2 = x[0, k] * x[0, k] + x[1, k] * x[1, k]
            e2 = e[0, k] * e[0, k] + e[1, k] * e[1, k]
            y2 = y0 * y0 + y1 * y1
            auto[0, k] = d2 + kept * (auto[0, k] - d2)
            auto[1, k] = x2 + kept * (auto[1, k] - x2)
            auto[2, k] = e2 + kept * (auto[2, k] - e2)
            auto[3, k] = y2 + kept * (auto[3, k] - y2)
            far0, far1 = e[0, k] * x[0, k] + e[1, k] * x[1, k], e[1, k] * x[0, k] - e[0, k] * x[1, k]
            echo0, echo1 = e[0, k] * y0 + e[1, k] * y1, e[1, k] * y0 - e[0, k] * y1
            cross[0, 0, k] = far0 + kept * (cross[0, 0, k] - far0)
            cross[0, 1, k] = far1 + kept * (cross[0, 1, k] - far1)
            cross[1, 0, k] = echo0 + kept * (cross[1, 0, k] - echo0)
            cross[1, 1, k] = echo1 + kept * (cross[1, 1, k] - echo1)
            powers[0, k], powers[1, k], powers[2, k] = d2, e2, y2
            powers[3, k], powers[4, k], powers[5, k] = frame.uncertainty[s, k], x2, frame.window[s, k]
            error[k] = e2
            mean_mic += d2
            mean_far += frame.window[s, k]
        for k in range(bins):
            low, share = settings.lower[k], settings.share[k]
            for i in range(6):
                sums[i, low] += share * powers[i, k]
                sums[i, low + 1] += (one - share) * powers[i, k]
            for j in range(2):
                square = cross[j, 0, k] * cross[j, 0, k] + cross[j, 1, k] * cross[j, 1, k]
                coherence = square / (auto[2, k] * auto[1 + 2 * j, k] + tiny * tiny)
                sums[6 + j, low] += share * coherence
                sums[6 + j, low + 1] += (one - share) * coherence
        weight = max(one / (averages.frames[s] + one), real(settings.level))
        for b in range(count):
            for i in range(6):
                sums[i, b] = np.log10(sums[i, b] + tiny)
            averages.level[s, 0, b] += weight * (sums[0, b] - averages.level[s, 0, b])
            averages.level[s, 1, b] += weight * (sums[4, b] - averages.level[s, 1, b])
            for i in range(6):
                out.bands[s, 0, i, b] = sums[i, b] - averages.level[s, i // 4, b]
            for j in range(2):
                out.bands[s, 0, 6 + j, b] = sums[6 + j, b] / settings.width[b]
        for k in range(bins):
            low, high = max(k - 1, 0), min(k + 2, bins)
            three = real(0)
            for i in range(low, high):
                three += error[i]
            three /= real(high - low)
            smooth = three + smoothing * (averages.error[s, k] - three)
            averages.error[s, k] = smooth
            out.power[s, 0, k] = error[k] + smoothing * (smooth - error[k])
            own = error[k] + tiny
            out.bins[s, 0, 0, k] = min(max(own / (powers[0, k] + tiny), one / ratio), ratio)
            out.bins[s, 0, 1, k] = min(max((powers[3, k] + tiny) / own, one / ratio), ratio)
            out.bins[s, 0, 2, k] = min(max((powers[2, k] + tiny) / own, one / ratio), ratio)
        coupling.observe(averages.coupling[s], mean_mic / real(bins), mean_far / real(bins) / hop, settings.samples)
        gain = coupling.power_gain(averages.coupling[s], coupling.LOWEST)
        out.gain[s, 0, 0] = gain
        out.rise[s, 0, 0] = max(gain - averages.gain[s], real(0))
        averages.gain[s] = max(averages.gain[s], gain)
        averages.frames[s] += one
