"""Attenuation of the near end in double talk (in ITU-T P.340, one of the criteria of double-talk capability)."""

import numpy as np

from aecbench.dsp.levels import db
from aecbench.metrics.base import each
from aecbench.metrics.fsdr import TAPS
from aecbench.metrics.sdr import filtered_target
from aecbench.signals import Array, Signals

__all__ = ["attenuation", "near_attenuation"]


@each
def near_attenuation(signals: Signals, estimate: Array, rate: int) -> float:
    """Return 10 log10( |s|² / |h * s|² ) in dB, with the filter h of 256 taps that fits h * s to ŝ; [..., T] -> [...].

    s is `signals.near`, ŝ is `estimate`, so h * s is the part of the output that comes from the near end (see `fsdr`):
    0 means unchanged, positive attenuated. `rate` is unused. A time-varying gain counts as its mean, weighted by the
    power of s. If the output does not contain any near end, the value is not +inf, because 256 taps explain about
    256 / T of its power by chance. For a silent estimate it is +inf, for a silent near end NaN.

    >>> near, echo = np.random.default_rng(0).standard_normal((2, 16_000))
    >>> scene = Signals(mic=near + echo, far=echo, near=near, echo=echo, noise=0 * near)
    >>> float(near_attenuation(scene, 0.1 * near, 16_000).round(6)), float(near_attenuation(scene, 0 * near, 16_000))
    (20.0, inf)
    """
    return attenuation(signals.near, estimate)


def attenuation(stem: Array, estimate: Array) -> float:
    """Return by how many dB the part of `estimate` that comes from `stem` is weaker than `stem`, both [T].

    That part is `stem` through the filter of 256 taps that fits it best to `estimate`. For a silent stem, the value is
    NaN.
    """
    if not stem.any():
        return np.nan
    before = np.sum(np.square(stem, dtype=np.float64))
    after = np.sum(np.square(filtered_target(stem, estimate, TAPS)))
    return float(db(np.divide(before, after, out=np.array(np.inf), where=after > 0)))
