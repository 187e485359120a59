"""Signal-to-distortion ratio of BSS-eval, after fitting the near end to the output by a filter of 512 taps.

E. Vincent, R. Gribonval and C. Févotte, "Performance measurement in blind audio source separation", IEEE Transactions
on Audio, Speech, and Language Processing 14(4), 2006; here for one source. As in version 3 of their BSS-eval toolbox,
the target is the filtered near end, and the SDR is the ratio of |target|² to |target - estimate|².
"""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.linalg import solve_toeplitz

from aecbench.dsp.levels import db, power
from aecbench.metrics.base import each
from aecbench.signals import Array, Signals

__all__ = ["TAPS", "filtered_sdr", "filtered_target", "sdr"]

TAPS = 512  # the filter length of BSS-eval, whatever the sample rate
LOADING = 1e-12  # relative to the power: keeps the recursion stable for a near end with only very low frequencies


@each
def sdr(signals: Signals, estimate: Array, rate: int) -> float:
    """Return SDR = 10 log10( |h * s|² / |h * s - ŝ|² ) in dB, with the best filter h of 512 taps; [..., T] -> [...].

    s is `signals.near`, ŝ is `estimate`; `rate` is unused. Both are padded with zeros, so the best h solves R h = p,
    where R is the Toeplitz matrix of the autocorrelation of s and p the cross-correlation of s with ŝ. A high-pass or a
    delay of up to 511 samples does not lower the value. If ŝ is a filtered s, it is above 100 dB; for a silent estimate
    or near end, it is NaN.

    >>> near = np.random.default_rng(1).standard_normal(16_000)
    >>> scene = Signals(mic=near, far=near, near=near, echo=0 * near, noise=0 * near)
    >>> late = np.pad(near, (3, 0))[:-3]
    >>> float(sdr(scene, late + 0.1 * near[::-1], 16_000).round(1))
    20.3
    """
    return filtered_sdr(signals.near, estimate, TAPS)


def filtered_sdr(near: Array, estimate: Array, taps: int) -> float:
    """Return the SDR in dB of `estimate` relative to `near`, both [T], after the best filter with `taps` taps.

    If one of the signals is silent, it is NaN.
    """
    if not (near.any() and estimate.any()):
        return np.nan
    estimate = estimate.astype(np.float64) / np.abs(estimate).max()
    target = filtered_target(near, estimate, taps)
    return float(db(power(target) / power(target - np.pad(estimate, (0, taps - 1)))))


def filtered_target(near: Array, estimate: Array, taps: int) -> Array:
    """Return the part of `estimate` that comes from `near`, both [T] and not silent: h * s [T + taps - 1]."""
    near = near.astype(np.float64) / np.abs(near).max()
    length = near.size + taps - 1
    n = next_fast_len(length, real=True)
    S, E = rfft(near, n), rfft(estimate.astype(np.float64), n)
    autocorrelation = irfft(np.abs(S) ** 2, n)[:taps]
    autocorrelation[0] *= 1 + LOADING
    h = solve_toeplitz(autocorrelation, irfft(S.conj() * E, n)[:taps])
    return np.asarray(irfft(S * rfft(h, n), n)[:length])
