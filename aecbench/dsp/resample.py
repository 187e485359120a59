"""Sample rate conversion, with the same bits on every processor.

It has two steps. First, a long low-pass filter, by FFT, limits the signal to the lower of both Nyquist frequencies and,
if necessary, doubles its rate, so that it is oversampled by at least 2. Then a short windowed sinc interpolates it at
the new sampling times (J. O. Smith and P. Gossett, "A flexible sampling-rate conversion method", ICASSP 1984). The
low-pass is flat up to 0.9 of the lower Nyquist frequency and attenuates by 100 dB from 1.0 on.
"""

import math
from functools import cache
from typing import Any

import numpy as np

from aecbench.dsp.compile import compiled
from aecbench.dsp.convolve import convolve_channels
from aecbench.dsp.elementary import PI, sin
from aecbench.signals import Array

__all__ = ["interleaved", "kaiser", "oversampled", "resample", "sinc", "undersampled"]

CROSSINGS = 64  # zero crossings of the low-pass on each side
CUT_OFF = 0.95  # centre of the transition band, relative to the lower Nyquist frequency
BETA = 10.0  # shape parameter of the Kaiser window
TAPS = 16  # length of the short sinc, a multiple of 4


def resample(x: Array, rate: int, to: int) -> Array:
    """Resample x [T] from `rate` to `to` Hz: float32 [ceil(T to / rate)]; the signal is taken to be 0 outside.

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
    """Return x [T], low-passed to the fraction `bandwidth` of its band and oversampled: float32 [factor, T].

    Row p is the signal at the times n + p / factor.
    """
    return _symmetric(x[None], _low_pass(factor, bandwidth)[None])


def undersampled(x: Array) -> Array:
    """Return the signal [T] at the times n, low-passed to its band, for a signal [factor, T] as from `oversampled`."""
    factor = len(x)
    responses = _low_pass(factor, 1.0)[:, ::-1] / np.float32(factor)
    return np.asarray(_symmetric(x, responses[:, None])[0])


def interleaved(x: Array) -> Array:
    """Return the rows of [factor, T] interleaved into one signal [factor T]."""
    return np.ascontiguousarray(x.T).ravel()


def _symmetric(x: Array, responses: Array) -> Array:
    """Filter inputs [M, T] by responses [M, K, 2 N + 1] whose middle tap is at time 0."""
    return convolve_channels(x, responses, responses.shape[-1] // 2)


@cache
def _low_pass(factor: int, bandwidth: float) -> Array:
    """Return the low-pass [factor, 2 N + 1]; row p has its values at the times d + p / factor, d from -N to N."""
    half = math.ceil(CROSSINGS / bandwidth)
    time = np.arange(-half, half + 1) + np.arange(factor)[:, None] / factor
    taps = sinc(CUT_OFF * bandwidth * time) * kaiser(time / half, BETA)
    return (taps / np.cumsum(taps, axis=1)[:, -1:]).astype(np.float32)


@cache
def _short(phases: int) -> Array:
    """Return the short sinc [phases, TAPS]: row p has the weights for the time p / phases after tap TAPS / 2 - 1."""
    time = np.arange(phases)[:, None] / phases - (np.arange(TAPS) - (TAPS // 2 - 1))
    taps = sinc(time) * kaiser(time / (TAPS // 2), BETA)
    return (taps / np.cumsum(taps, axis=1)[:, -1:]).astype(np.float32)


@compiled
def _read(x: Array, y: Array, table: Array, step: int) -> None:
    """Set y to the signal at the times n step / phases; x is the signal after TAPS zeros.

    Four partial sums are added in a fixed order.
    """
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
    """Return sin(pi x) / (pi x); exactly 0 at all whole numbers other than 0."""
    whole = x == np.rint(x)
    angle = np.where(whole, 1, PI * x)
    return np.asarray(np.where(whole, x == 0, sin(angle) / angle))


def kaiser(position: Array, beta: float) -> Array:
    """Return the Kaiser window at positions from -1 to 1, and 0 beyond."""
    inside = np.maximum(1 - position * position, 0)
    return np.asarray(np.where(np.abs(position) <= 1, _bessel(beta * np.sqrt(inside)) / _bessel(beta), 0))


def _bessel(x: Any) -> Any:
    """Return the modified Bessel function of the first kind I_0 for x up to 30, by its power series."""
    square = x * x / 4
    term = total = square * 0 + 1
    for k in range(1, 60):
        term = term * square / (k * k)
        total = total + term
    return total
