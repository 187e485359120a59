"""The features of step_size_features.py with feedback, in numba: one pass over the bins of a frame.

The same equations in the same order; that both agree is tested. A frame of one signal takes a fifth of the time of the
torch operations, most of which is the start of so many small ones.
"""

from typing import Any, NamedTuple

import numpy as np

from aecbench.dsp.compile import reassociated

__all__ = ["Averages", "Bands", "Constants", "Frame", "Observation", "observe"]

Real = Any  # a NumPy array, float32 or float64 throughout
Integer = Any  # int64


class Frame(NamedTuple):
    """As in step_size_features.py."""

    mic: Real  # [N, 2, F]
    far: Real
    error: Real
    uncertainty: Real  # [N, F]
    window: Real


class Averages(NamedTuple):
    """As in step_size_features.py."""

    error: Real  # [N, F]
    auto: Real  # [N, 4, F]
    cross: Real  # [N, 2, 2, F]
    level: Real  # [N, 2, B]
    frames: Real  # [N]
    coupling: Real  # [N, 2]
    gain: Real  # [N]


class Observation(NamedTuple):
    """As in step_size_features.py."""

    bands: Real  # [N, 1, 8, B]
    bins: Real  # [N, 1, 3, F]
    power: Real  # [N, 1, F]
    gain: Real  # [N, 1, 1]
    rise: Real  # [N, 1, 1]


class Bands(NamedTuple):
    """Triangles that overlap by one: every bin is in two bands at most."""

    lower: Integer  # [F] the lower one
    share: Real  # [F] the bin's share of it; the next one has the rest
    width: Real  # [B] sum of all shares


class Constants(NamedTuple):
    """Of the features, and of coupling.py."""

    smoothing: float
    coherence: float
    level: float
    ratio: float
    tiny: float
    hop: float
    forget: float
    doubt: float
    lowest: float
    highest: float


@reassociated
def observe(
    frame: Frame, averages: Averages, bands: Bands, out: Observation, constants: Constants, first: int, last: int
) -> None:
    """Fill in the observation of one frame, and carry the averages in place."""
    real = frame.uncertainty.dtype.type
    one, tiny, ratio, kept = real(1), real(constants.tiny), real(constants.ratio), real(constants.coherence)
    smoothing, hop = real(constants.smoothing), real(constants.hop)
    bins, count = frame.uncertainty.shape[1], bands.width.shape[0]
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
            low, share = bands.lower[k], bands.share[k]
            for i in range(6):
                sums[i, low] += share * powers[i, k]
            for j in range(2):
                square = cross[j, 0, k] * cross[j, 0, k] + cross[j, 1, k] * cross[j, 1, k]
                coherence = square / (auto[2, k] * auto[1 + 2 * j, k] + tiny * tiny)
                sums[6 + j, low] += share * coherence
                if low + 1 < count:
                    sums[6 + j, low + 1] += (one - share) * coherence
            if low + 1 < count:
                for i in range(6):
                    sums[i, low + 1] += (one - share) * powers[i, k]
        weight = max(one / (averages.frames[s] + one), real(constants.level))
        for b in range(count):
            for i in range(6):
                sums[i, b] = np.log10(sums[i, b] + tiny)
            averages.level[s, 0, b] += weight * (sums[0, b] - averages.level[s, 0, b])
            averages.level[s, 1, b] += weight * (sums[4, b] - averages.level[s, 1, b])
            for i in range(6):
                out.bands[s, 0, i, b] = sums[i, b] - averages.level[s, i // 4, b]
            for j in range(2):
                out.bands[s, 0, 6 + j, b] = sums[6 + j, b] / bands.width[b]
        for k in range(bins):
            low, high = max(k - 1, 0), min(k + 2, bins)
            three = real(0)
            for i in range(low, high):
                three += error[i]
            three /= real(high - low)
            smooth = three + smoothing * (averages.error[s, k] - three)
            averages.error[s, k] = smooth
            out.power[s, 0, k] = error[k] + smoothing * (smooth - error[k])
            own = np.log10(error[k] + tiny)
            out.bins[s, 0, 0, k] = min(max(own - np.log10(powers[0, k] + tiny), -ratio), ratio)
            out.bins[s, 0, 1, k] = min(max(np.log10(powers[3, k] + tiny) - own, -ratio), ratio)
            out.bins[s, 0, 2, k] = min(max(np.log10(powers[2, k] + tiny) - own, -ratio), ratio)
        m, f = mean_mic / real(bins) / hop, mean_far / real(bins) / hop
        memory = averages.coupling[s]
        memory[0] = memory[0] * real(constants.forget) + hop * m * f
        memory[1] = memory[1] * real(constants.forget) + hop * f * f
        gain = memory[0] / (memory[1] + real(constants.doubt))
        gain = min(max(gain, real(constants.lowest)), real(constants.highest))
        out.gain[s, 0, 0] = gain
        out.rise[s, 0, 0] = max(gain - averages.gain[s], real(0))
        averages.gain[s] = max(averages.gain[s], gain)
        averages.frames[s] += one
