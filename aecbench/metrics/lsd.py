"""Log-spectral distance between the output and the near end.

A. H. Gray and J. D. Markel, "Distance measures for speech processing", IEEE Transactions on Acoustics, Speech, and
Signal Processing 24(5), 1976. The spectra are limited from below to 50 dB under the loudest bin of the near end, so
that inaudible differences do not count: I. Cohen and S. Gannot, "Spectral enhancement methods", in Springer Handbook of
Speech Processing, 2008.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.fft import rfft

from aecbench.dsp.levels import db
from aecbench.signals import Array, Signals

__all__ = ["lsd"]

FRAME = 0.032  # length of a frame [s], with a Hann window and half overlap
RANGE = 50.0  # dynamic range below the loudest bin [dB]


def lsd(signals: Signals, estimate: Array, rate: int) -> Array:
    """Return the mean over frames of sqrt( mean over bins of (10 log10 |S|²/|Ŝ|²)² ) in dB: [..., T] -> [...].

    S is the spectrum of `signals.near`, Ŝ of `estimate`. 0 is best; gain, residual noise and removed speech all
    increase it. For a silent near end, it is NaN.

    >>> near = np.random.default_rng(0).standard_normal((3, 16_000)) * [[1], [1], [0]]
    >>> scene = Signals(mic=near, far=near, near=near, echo=0 * near, noise=0 * near)
    >>> lsd(scene, near * [[1], [0.9], [1]], 16_000).round(3).tolist()
    [0.0, 0.915, nan]
    """
    near, estimate = _spectrogram(signals.near, rate), _spectrogram(estimate, rate)
    peak = near.max((-2, -1), keepdims=True)
    with np.errstate(invalid="ignore"):
        distance = np.maximum(near, peak - RANGE) - np.maximum(estimate, peak - RANGE)
    return np.where(np.isfinite(peak[..., 0, 0]), np.sqrt(np.mean(distance**2, -1)).mean(-1), np.nan)


def _spectrogram(x: Array, rate: int) -> Array:
    """Return the power spectra of [..., T] in dB, [..., frames, bins]."""
    frame = 2 * round(FRAME * rate / 2)
    frames = sliding_window_view(x.astype(np.float64), frame, axis=-1)[..., :: frame // 2, :]
    return np.asarray(db(np.abs(rfft(frames * np.sin(np.pi * np.arange(frame) / frame) ** 2)) ** 2))
