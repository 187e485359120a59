"""Sampling-rate conversion, with the same bits on every processor.

In two steps. A long low-pass, by FFT, leaves a signal that is sampled at twice its bandwidth or more: at the rate it
came with where that is high enough, else at double that rate. A short windowed sinc reads it at the new sampling times
(J. O. Smith and P. Gossett, "A flexible sampling-rate conversion method", ICASSP 1984). The low-pass is flat up to 0.9
of the lower Nyquist frequency, and 100 dB down from 1.0 on.
"""

import math
from functools import cache
from typing import Any

import numba
import numpy as np

from aecbench.dsp.convolve import convolve_channels
from aecbench.dsp.elementary import PI, sin
from aecbench.signals import Array

__all__ = ["interleaved", "kaiser", "oversampled", "resample", "sinc", "undersampled"]

CROSSINGS = 64  # zero crossings of the low-pass on each side
CUT_OFF = 0.95  # of the lower Nyquist frequency: the middle of its transition
BETA = 10.0  # of the Kaiser window
TAPS = 16  # of the short sinc, a multiple of 4

compiled: Any = numba.njit(cache=True, nogil=True, error_model="numpy")


def resample(x: Array, rate: int, to: int) -> Array:
    """The signal x [T] at `rate` as float32 at `to` Hz: ceil(T to / rate) samples, as if zeros came before and after.

    >>> resample(np.ones(4096), 8000, 16_000)[4096:4098].round(4).tolist()
    [1.0, 1.0]
    """
    if rate == to:
        return np.asarray(x, np.float32)
    factor = 1 if 2 * to <= rate else 2
    dense = interleaved(oversampled(x, factor, min(1.0, to / rate)))
    length = -(-x.size * to // rate)
    common = math.gcd(factor * rate, to)
    phases, step = to // common, factor * rate // common
    if phases == 1:
        return np.ascontiguousarray(dense[::step][:length])
    y = np.empty(length, np.float32)
    _read(np.pad(dense, TAPS), y, _short(phases), step)
    return y


def oversampled(x: Array, factor: int, bandwidth: float = 1.0) -> Array:
    """The signal x [T], limited to `bandwidth` of its band, between its samples: float32 [factor, T].

    Row p is the signal at the times n + p / factor.
    """
    return _symmetric(x[None], _low_pass(factor, bandwidth)[None])


def undersampled(x: Array) -> Array:
    """The signal [T] at the times n of one that `oversampled` returned [factor, T], limited to the band it then has."""
    factor = len(x)
    responses = _low_pass(factor, 1.0)[:, ::-1] / np.float32(factor)
    return np.asarray(_symmetric(x, responses[:, None])[0])


def interleaved(x: Array) -> Array:
    """The rows of [factor, T] as one signal [factor T]."""
    return np.ascontiguousarray(x.T).ravel()


def _symmetric(x: Array, responses: Array) -> Array:
    """Inputs [M, T] through responses [M, K, 2 N + 1] whose middle is at time 0."""
    half = responses.shape[-1] // 2
    return convolve_channels(np.pad(x, ((0, 0), (0, half))), responses)[:, half:]


@cache
def _low_pass(factor: int, bandwidth: float) -> Array:
    """Low-pass [factor, 2 N + 1] that is read at the times d + p / factor, d from -N to N."""
    half = math.ceil(CROSSINGS / bandwidth)
    time = np.arange(-half, half + 1) + np.arange(factor)[:, None] / factor
    taps = sinc(CUT_OFF * bandwidth * time) * kaiser(time / half, BETA)
    return (taps / np.cumsum(taps, axis=1)[:, -1:]).astype(np.float32)


@cache
def _short(phases: int) -> Array:
    """The short sinc [phases, TAPS]: row p weighs the samples around the time p / phases after the tap TAPS / 2 - 1."""
    time = np.arange(phases)[:, None] / phases - (np.arange(TAPS) - (TAPS // 2 - 1))
    taps = sinc(time) * kaiser(time / (TAPS // 2), BETA)
    return (taps / np.cumsum(taps, axis=1)[:, -1:]).astype(np.float32)


@compiled
def _read(x: Array, y: Array, table: Array, step: int) -> None:
    """The samples n step / phases of a signal that TAPS zeros come before; four partial sums in a fixed order."""
    phases = table.shape[0]
    whole, phase = TAPS // 2 + 1, 0
    for n in range(y.size):
        source, weights = x[whole : whole + TAPS], table[phase]
        a = b = c = d = np.float32(0)
        for k in range(0, TAPS, 4):
            a += source[k] * weights[k]
            b += source[k + 1] * weights[k + 1]
            c += source[k + 2] * weights[k + 2]
            d += source[k + 3] * weights[k + 3]
        y[n] = (a + b) + (c + d)
        whole, phase = whole + step // phases, phase + step % phases
        if phase >= phases:
            whole, phase = whole + 1, phase - phases


def sinc(x: Array) -> Array:
    """sin(pi x) / (pi x), and exactly 0 at whole numbers but 0."""
    whole = x == np.rint(x)
    angle = np.where(whole, 1, PI * x)
    return np.where(whole, x == 0, sin(angle) / angle)


def kaiser(position: Array, beta: float) -> Array:
    """The Kaiser window at positions from -1 to 1; 0 beyond."""
    inside = np.maximum(1 - position * position, 0)
    return np.where(np.abs(position) <= 1, _bessel(beta * np.sqrt(inside)) / _bessel(np.float64(beta)), 0)


def _bessel(x: Any) -> Any:
    """The modified Bessel function of the first kind I_0, by its power series, for x up to 30."""
    square = x * x / 4
    term = total = square * 0 + 1
    for k in range(1, 60):
        term = term * square / (k * k)
        total = total + term
    return total
