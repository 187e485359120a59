"""Signal-to-distortion ratio that forgives a filter of 512 taps: BSS-eval's SDR for one source.

E. Vincent, R. Gribonval and C. Févotte, "Performance measurement in blind audio source separation", IEEE Transactions
on Audio, Speech, and Language Processing 14(4), 2006. As in version 3 of their BSS-eval toolbox, the filtered target
counts as signal, so SDR compares |target|² to |target - estimate|².
"""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.linalg import solve_toeplitz

from aecbench.dsp.levels import db, power
from aecbench.metrics.base import each
from aecbench.signals import Array, Signals

__all__ = ["TAPS", "sdr"]

TAPS = 512  # the length BSS-eval uses, at any rate
LOADING = 1e-12  # of the power: keeps the recursion stable for a near end that is all but a slow drift


@each
def sdr(signals: Signals, estimate: Array, rate: int) -> float:
    """SDR = 10 log10( |h * s|² / |h * s - ŝ|² ) in dB, h the best filter of 512 taps; [..., T] -> [...].

    s is `signals.near`, ŝ is `estimate`; `rate` is unused. Both are continued by zeros, so h minimises the error when
    it solves R h = p, R the Toeplitz matrix of the autocorrelation of s and p the correlation of s with ŝ.
    A high-pass and a delay of up to 511 samples cost nothing. A filtered s gives more than 100 dB; a silent estimate or
    near is NaN.

    >>> near = np.random.default_rng(1).standard_normal(16_000)
    >>> scene = Signals(mic=near, far=near, near=near, echo=0 * near, noise=0 * near)
    >>> late = np.pad(near, (3, 0))[:-3]
    >>> float(sdr(scene, late + 0.1 * near[::-1], 16_000).round(1))
    20.3
    """
    if not (signals.near.any() and estimate.any()):
        return np.nan
    near, estimate = (x.astype(np.float64) / np.abs(x).max() for x in (signals.near, estimate))
    length = near.size + TAPS - 1
    n = next_fast_len(length, real=True)
    S, E = rfft(near, n), rfft(estimate, n)
    autocorrelation = irfft(np.abs(S) ** 2, n)[:TAPS]
    autocorrelation[0] *= 1 + LOADING
    h = solve_toeplitz(autocorrelation, irfft(S.conj() * E, n)[:TAPS])
    target = irfft(S * rfft(h, n), n)[:length]
    return float(db(power(target) / power(target - np.pad(estimate, (0, TAPS - 1)))))
