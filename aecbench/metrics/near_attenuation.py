"""Attenuation of the near end while both ends talk (ITU-T P.340 has it among the marks of double-talk capability)."""

import numpy as np

from aecbench.dsp.levels import db
from aecbench.metrics.base import each
from aecbench.metrics.fsdr import TAPS
from aecbench.metrics.sdr import filtered_target
from aecbench.signals import Array, Signals

__all__ = ["attenuation", "near_attenuation"]


@each
def near_attenuation(signals: Signals, estimate: Array, rate: int) -> float:
    """10 log10( |s|² / |h * s|² ) in dB, h the filter of 256 taps on s that comes nearest to ŝ; [..., T] -> [...].

    s is `signals.near`, ŝ is `estimate`, so h * s is the part of the output that comes from the near end (see `fsdr`):
    0 is unchanged, positive turned down. `rate` is unused. A gain that varies counts as its mean, weighted by the power
    of s. An output without any near end does not give +inf: by chance, 256 taps find about 256 / T of its power in s. A
    silent estimate gives +inf, a silent near NaN.

    >>> near, echo = np.random.default_rng(0).standard_normal((2, 16_000))
    >>> scene = Signals(mic=near + echo, far=echo, near=near, echo=echo, noise=0 * near)
    >>> float(near_attenuation(scene, 0.1 * near, 16_000).round(6)), float(near_attenuation(scene, 0 * near, 16_000))
    (20.0, inf)
    """
    return attenuation(signals.near, estimate)


def attenuation(stem: Array, estimate: Array) -> float:
    """How much weaker the part of `estimate` that comes from `stem` is than it, both [T], in dB; NaN of a silent one.

    The part is what the filter of 256 taps on it makes that comes nearest to `estimate`.
    """
    if not stem.any():
        return np.nan
    before = np.sum(np.square(stem, dtype=np.float64))
    after = np.sum(np.square(filtered_target(stem, estimate, TAPS)))
    return float(db(np.divide(before, after, out=np.array(np.inf), where=after > 0)))
