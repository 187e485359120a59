"""The kernel of the delay tracker: averages the cross-power spectrum and finds the lag at which the echo path starts.

C. H. Knapp, G. C. Carter, "The generalized correlation method for estimation of time delay", IEEE Transactions on
Acoustics, Speech, and Signal Processing 24(4), 1976. See aecbench.cancellers.align.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rocket_fft.lowlevel import c2r

from aecbench.cancellers.kernels import overlap_save
from aecbench.cancellers.kernels.arrays import copy
from aecbench.cancellers.kernels.compile import reassociated

__all__ = ["LOWEST", "SAME", "SILENT", "STEP", "Averages", "Settings", "update"]

STEP = 2  # samples between lags: only the lower half of the spectra is used, up to 4 kHz at a rate of 16 kHz
SILENT = 1e-7  # far-end power below which the averages are not updated: -70 dBFS
LOWEST = 6  # bins below are left out, because of DC offsets and hum: 47 Hz for blocks of 1024 samples at 16 kHz
FLOOR = 0.1  # fraction of the mean power that is added in the whitening, so that weak frequencies are not amplified
SAME = 32  # samples by which two estimates of the same delay may differ
EARLIER = 480  # samples before the highest peak in which the echo path may start with a lower one
LOWER = 0.5  # smallest height of that one, relative to the highest peak
TINY = np.finfo(np.float32).tiny
LAST = np.ones(1, np.int64)  # the axis of the inverse transforms

Float32 = NDArray[np.float32]
Complex = NDArray[np.complex64]
Integer = NDArray[np.int64]


class Averages(NamedTuple):
    """Averages and decisions: P = stretches of lags, K = block / 2 + 1 bins."""

    spectra: Complex  # [..., P, K] far end, newest block first
    levels: Float32  # [..., P] mean powers of these blocks
    cross: Complex  # [..., P, K] averaged cross-power spectrum
    far_power: Float32  # [..., P, K] averaged power spectrum of the far end
    mic_power: Float32  # [..., K] averaged power spectrum of the microphone
    lag: Integer  # [...] lag that the last decision found [samples]
    agreed: Integer  # [...] number of consecutive decisions that found this lag
    delay: Integer  # [...] current delay of the far end [samples]


class Settings(NamedTuple):
    """Settings of DelayTracker for compiled code."""

    keep: np.float32  # forgetting factor of the averages, per block
    confidence: np.float32
    agreement: int
    headroom: int
    tolerance: int


@reassociated
def update(mic: Float32, past: Float32, state: Averages, p: Settings) -> None:
    """Update the averages, find the start of the echo path, and change the delay if the path is outside the tolerance.

    `mic` [signals, block] is the newest block of the microphone, and `past` [signals, 2 block] are the two newest of
    the far end. The state is updated in place, including the first entries of its `spectra` and `levels`.
    """
    signals, stretches, bins = state.spectra.shape
    block = mic.shape[1]
    time, spectrum = np.empty(2 * block, np.float32), np.empty(block + 1, np.complex64)
    weighted, correlation = np.empty((stretches, bins), np.complex64), np.empty((stretches, 2 * bins - 2), np.float32)
    spectra, levels, lag, agreed, delay = state.spectra, state.levels, state.lag, state.agreed, state.delay
    for s in range(signals):
        copy(past[s], time)
        overlap_save.forward(time, spectrum)
        copy(spectrum, spectra[s, 0])
        levels[s, 0] = np.square(time[block:]).mean()
        loudest = np.float32(0)
        for level in levels[s]:
            loudest = max(loudest, level)
        if loudest > SILENT:
            overlap_save.spectrum_of_end(mic[s], spectrum, time)
            cross, far_power, mic_power = state.cross[s], state.far_power[s], state.mic_power[s]
            _average(spectrum[:bins], spectra[s], cross, far_power, mic_power, p.keep)
            _correlate(cross, far_power, mic_power, weighted, correlation)
            start = _start(correlation, p.confidence)
            if start < 0:
                agreed[s] = 0
            else:
                agreed[s] = agreed[s] + 1 if abs(start - lag[s]) <= SAME else 1
                lag[s] = start
        elif agreed[s]:  # the averages have not changed, so the lag would be the same
            agreed[s] += 1
        if agreed[s] >= p.agreement and not 0 <= lag[s] - delay[s] <= p.tolerance:
            delay[s] = max(0, lag[s] - p.headroom)


@reassociated
def _average(
    d: Complex, spectra: Complex, cross: Complex, far_power: Float32, mic_power: Float32, keep: np.float32
) -> None:
    """Update the averages, in place, with the spectra of the microphone, d [K], and of the far end [P, K]."""
    for p in range(spectra.shape[0]):
        x, c, power = spectra[p], cross[p], far_power[p]
        for k in range(d.size):
            c[k] = keep * c[k] + x[k] * np.conj(d[k])
            power[k] = keep * power[k] + (x[k].real ** 2 + x[k].imag ** 2)
    for k in range(d.size):
        mic_power[k] = keep * mic_power[k] + (d[k].real ** 2 + d[k].imag ** 2)


@reassociated
def _correlate(cross: Complex, far_power: Float32, mic_power: Float32, weighted: Complex, correlation: Float32) -> None:
    """Set correlation [P, 2 K - 2] to the SCOT-weighted correlation; the lags of a stretch are in the first half.

    weighted [P, K] is scratch space.
    """
    bins = mic_power.size
    root, spread = np.sqrt(mic_power), np.empty(bins, np.float32)
    for p in range(cross.shape[0]):
        c, power, w, mean = cross[p], far_power[p], weighted[p], np.float32(0)
        for k in range(bins):
            spread[k] = np.sqrt(power[k]) * root[k]
            mean += spread[k]
        floor = np.float32(FLOOR) * (mean / np.float32(bins)) + TINY
        for k in range(bins):
            w[k] = np.conj(c[k]) * (np.float32(1) / (spread[k] + floor))
        w[:LOWEST] = 0
    c2r(weighted, correlation, LAST, False, 1.0 / correlation.shape[1], 1)


@reassociated
def _start(correlation: Float32, confidence: np.float32) -> int:
    """Return the lag [samples] at which the echo path starts, or -1 if no peak of the correlation is clear enough."""
    stretches, lags = correlation.shape[0], correlation.shape[1] // 2
    heights, total = np.empty(stretches * lags, np.float32), np.float32(0)
    for p in range(stretches):
        row, values = heights[p * lags : (p + 1) * lags], correlation[p]
        for t in range(lags):
            row[t] = abs(values[t])
            total += values[t] ** 2
    background = np.sqrt(total / np.float32(heights.size))
    top, peak = 0, heights[0]
    for t in range(heights.size):
        if heights[t] > peak:
            top, peak = t, heights[t]
    if not peak > confidence * background:
        return -1
    first = max(0, top - EARLIER // STEP)
    while heights[first] < np.float32(LOWER) * peak:
        first += 1
    return STEP * first
