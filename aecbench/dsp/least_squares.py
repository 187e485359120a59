"""The part of one signal that a fixed linear filter predicts from another, by least squares."""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.linalg import solve_toeplitz

from aecbench.signals import Array

__all__ = ["linear_part"]

RIDGE = 1e-6  # regularisation relative to the input's power: bands in which the input is silent stay silent


def linear_part(x: Array, d: Array, taps: int, first: int = 0) -> Array:
    """Return the best estimate of d [T] by filtering x [T] with `taps` coefficients, the first at lag `first`.

    The result is float64 [T]. By the autocorrelation method: both signals are padded with zeros, so that the normal
    equations are Toeplitz, and Levinson's recursion solves them in O(taps²).

    >>> x = np.random.default_rng(0).normal(size=4000)
    >>> d = 0.5 * np.roll(x, -3) + np.roll(x, 5)
    >>> bool(np.mean((linear_part(x, d, 12, -4) - d)[10:-10] ** 2) < 1e-4 * np.mean(d**2))
    True
    """
    size = next_fast_len(x.size + d.size + taps + abs(first), real=True)
    spectrum, target = rfft(x.astype(np.float64), size), rfft(d.astype(np.float64), size)
    autocorrelation = irfft(np.abs(spectrum) ** 2, size)[:taps]
    if not autocorrelation[0]:
        return np.zeros(d.size)
    autocorrelation[0] *= 1 + RIDGE
    lags = np.arange(first, first + taps) % size
    response = solve_toeplitz(autocorrelation, irfft(spectrum.conj() * target, size)[lags])
    padded = np.zeros(size)
    padded[lags] = response
    return np.asarray(irfft(spectrum * rfft(padded), size)[: d.size])
