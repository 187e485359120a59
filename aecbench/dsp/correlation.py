"""The delay between two long stretches of far end and microphone, from one generalised cross-correlation.

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

WINDOW = 2**16  # samples of a stretch: 4.1 s at 16 kHz
STEP = 2  # samples between lags: the upper half of the spectrum is left out
SMOOTH = 32  # frequencies on each side over which power spectra are averaged: 16 Hz in all at 16 kHz
LOWEST = 94 / 16_000  # of the sampling rate, below which are offsets and hum
FLOOR = np.float32(0.1)  # of the mean power, under which a frequency is not amplified
EARLIER = 480  # samples before the highest peak in which a lower one may be the start of the path
LOWER = 0.5  # how high that one has to be
TINY = np.finfo(np.float32).tiny


class Peak(NamedTuple):
    """Where the echo path starts, if there is one."""

    lag: int  # samples by which the microphone follows the far end; negative where it is ahead
    height: float  # of the highest peak above the root mean square over all lags


class Lags(NamedTuple):
    """The lags that are looked at: both even, negative ones where the microphone is ahead of the far end."""

    earliest: int  # [samples]
    latest: int  # [samples]


def correlation(mic: Array, far: Array, lags: Lags) -> Array:
    """Correlate mic and far [T] of the same time: float32 [N], one value for each lag, every STEP samples.

    Lags at which less than a quarter of the signals overlap are 0.
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
    """Return where the path starts that `correlation`, or a sum of its values, shows.

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
    """Average over the neighbours of each frequency, float32 [F]."""
    total = np.cumsum(np.pad(power, (SMOOTH + 1, SMOOTH), mode="edge"), dtype=np.float64)
    width = 2 * SMOOTH + 1
    return ((total[width:] - total[:-width]) / width).astype(np.float32)
