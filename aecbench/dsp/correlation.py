"""The delay between two long stretches of far end and microphone, from one generalised cross-correlation.

C. H. Knapp, G. C. Carter, "The generalized correlation method for estimation of time delay", IEEE Transactions on
Acoustics, Speech, and Signal Processing 24(4), 1976: the cross-power spectrum is weighted by the smoothed coherence
transform (SCOT), here with power spectra that are averaged over neighbouring frequencies.
"""

from typing import NamedTuple

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft

from aecbench.signals import Array

__all__ = ["WINDOW", "Peak", "correlate"]

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


def correlate(mic: Array, far: Array, earliest: int, latest: int) -> Peak:
    """Return the peak among the lags from `earliest` to `latest`, both even, for mic and far [T] of the same time.

    Lags at which less than a quarter of the signals overlap are left out.

    >>> far = np.random.default_rng(0).normal(size=9000)
    >>> correlate(np.roll(far, 400), far, -100, 1000).lag, correlate(np.roll(far, -60), far, -100, 1000).lag
    (400, -60)
    """
    longest = mic.size * 3 // 4 // STEP * STEP
    earliest, latest = max(earliest, -longest), min(latest, longest)
    size = next_fast_len(mic.size + max(-earliest, latest), real=True)
    size += -size % (2 * STEP)
    bins = size // (2 * STEP) + 1
    x, d = (rfft(signal.astype(np.float32, copy=False), size)[:bins] for signal in (far, mic))
    spread = np.sqrt(_smooth(_power(x)) * _smooth(_power(d)))
    weighted = x.conj() * d / (spread + FLOOR * spread.mean() + TINY)
    weighted[: round(LOWEST * size)] = 0
    around = np.abs(irfft(weighted, size // STEP))
    heights = np.concatenate([around[earliest // STEP :] if earliest < 0 else around[:0], around[: latest // STEP]])
    top = int(heights.argmax())
    first = max(0, top - EARLIER // STEP)
    first += int(np.argmax(heights[first : top + 1] >= LOWER * heights[top]))
    background = float(np.sqrt(np.mean(np.square(heights))))
    return Peak(min(earliest, 0) + STEP * first, float(heights[top]) / background if background else 0.0)


def _power(spectrum: Array) -> Array:
    return spectrum.real**2 + spectrum.imag**2  # type: ignore[no-any-return]


def _smooth(power: Array) -> Array:
    """Average over the neighbours of each frequency, float32 [F]."""
    total = np.cumsum(np.pad(power, (SMOOTH + 1, SMOOTH), mode="edge"), dtype=np.float64)
    width = 2 * SMOOTH + 1
    return ((total[width:] - total[:-width]) / width).astype(np.float32)
