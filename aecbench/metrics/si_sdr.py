"""Scale-invariant signal-to-distortion ratio (SI-SDR).

J. Le Roux, S. Wisdom, H. Erdogan and J. R. Hershey, "SDR - half-baked or well done?", ICASSP 2019.
"""

import numpy as np

from aecbench.dsp.levels import db, power
from aecbench.signals import Array, Signals

__all__ = ["si_sdr"]


def si_sdr(signals: Signals, estimate: Array, rate: int) -> Array:
    """Return SI-SDR = 10 log10( |α s|² / |α s - ŝ|² ) with α = <ŝ, s> / |s|², in dB, shape [...].

    s is `signals.near`, ŝ is `estimate`, both [..., T], whose means are not removed; `rate` is unused. Any filter
    counts as distortion, even a high-pass or a delay of one sample; `sdr` allows for it. If ŝ is a multiple of s, the
    value is very large or +inf; if ŝ is orthogonal to s, it is -inf; for a silent estimate or near end, it is NaN.

    >>> near = np.array([1.0, 1.0, -1.0, -1.0])
    >>> orthogonal = np.array([1.0, -1.0, 1.0, -1.0])
    >>> scene = Signals(mic=near, far=near, near=near, echo=0 * near, noise=0 * near)
    >>> [float(si_sdr(scene, x, 16_000).round(6)) for x in (near + 0.1 * orthogonal, 4 * near, orthogonal, 0 * near)]
    [20.0, inf, -inf, nan]
    """
    near, estimate = signals.near.astype(np.float64), estimate.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = np.mean(near * estimate, axis=-1) / power(near)
        target = scale[..., None] * near
        return np.asarray(db(power(target) / power(target - estimate)))
