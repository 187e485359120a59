"""The delay between long segments of far end and microphone, from a single generalised cross-correlation.

C. H. Knapp, G. C. Carter, "The generalized correlation method for estimation of time delay", IEEE Transactions on
Acoustics, Speech, and Signal Processing 24(4), 1976: the cross-power spectrum is weighted by the smoothed coherence
transform (SCOT), here with power spectra that are averaged over neighbouring frequencies.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft, next_fast_len, rfft

from aecbench.signals import Array

__all__ = ["WINDOW", "Lags", "Peak", "correlation", "peak"]

WINDOW = 2**16  # samples of a segment: 4.1 s at 16 kHz
STEP = 2  # samples between lags: the upper half of the spectrum is left out
SMOOTH = 32  # bins on each side over which power spectra are averaged: 10 to 16 Hz in all at 16 kHz
LOWEST = 94 / 16_000  # lowest frequency used, relative to the sample rate: below are DC offsets and hum
FLOOR = np.float32(0.1)  # fraction of the mean power that is added in the whitening: weak bins are not amplified
EARLIER = 480  # samples before the highest peak in which the echo path may start with a lower one
LOWER = 0.5  # smallest height of that one, relative to the highest peak
TINY = np.finfo(np.float32).tiny


class Peak(NamedTuple):
    """The start of the echo path, and how far its peak stands out."""

    lag: int  # samples by which the microphone lags the far end; negative if it is ahead
    height: float  # ratio of the highest peak to the root mean square over all lags


class Lags(NamedTuple):
    """The range of lags that is searched; they are negative if the microphone is ahead of the far end."""

    earliest: int  # [samples], even
    latest: int  # [samples], even


def correlation(mic: Array, far: Array, lags: Lags) -> Array:
    """Correlate simultaneous mic and far [T] at the lags from `earliest` to `latest`, every STEP samples: float32 [N].

    Values are 0 at lags for which less than a quarter of the signals overlap.
    """
    longest = mic.size * 3 // 4 // STEP * STEP
    earliest, latest = max(lags.earliest, -longest), min(lags.latest, longest)
    size = next_fast_len(mic.size + max(-earliest, latest), real=True)
    size += -size % (2 * STEP)
    bins = size // (2 * STEP) + 1
    x, d = (rfft(signal.astype(np.float32, copy=False), size)[:bins] for signal in (far, mic))
    spread = np.sqrt(np.multiply(_smooth(_power(x)), _smooth(_power(d))))
    weighted = x.conj() * d / (spread + FLOOR * spread.mean() + TINY)
    weighted[: round(LOWEST * size)] = 0
    around = irfft(weighted, size // STEP)
    values = np.zeros((lags.latest - lags.earliest) // STEP, np.float32)
    zero = -lags.earliest // STEP
    values[zero : zero + latest // STEP] = around[: latest // STEP]
    if earliest < 0:
        values[zero + earliest // STEP : zero] = around[earliest // STEP :]
    return values


def peak(values: Array, lags: Lags) -> Peak:
    """Return the start of the echo path, given the values of `correlation` or a sum of such values.

    >>> far, lags = np.random.default_rng(0).normal(size=9000), Lags(-100, 1000)
    >>> [peak(correlation(np.roll(far, lag), far, lags), lags).lag for lag in (400, -60)]
    [400, -60]
    """
    heights = np.abs(values)
    top = int(heights.argmax())
    first = max(0, top - EARLIER // STEP)
    first += int(np.argmax(heights[first : top + 1] >= LOWER * heights[top]))
    used = heights[heights > 0]
    background = float(np.sqrt(np.mean(np.square(used)))) if used.size else math.inf
    return Peak(lags.earliest + STEP * first, float(heights[top]) / background)


def _power(spectrum: NDArray[np.complexfloating[Any]]) -> Array:
    return np.asarray(spectrum.real**2 + spectrum.imag**2)


def _smooth(power: Array) -> Array:
    """Return the mean over SMOOTH neighbouring bins on each side, float32 [F]."""
    total = np.cumsum(np.pad(power, (SMOOTH + 1, SMOOTH), mode="edge"), dtype=np.float64)
    width = 2 * SMOOTH + 1
    return ((total[width:] - total[:-width]) / width).astype(np.float32)
