"""Convergence time: far-end activity until the true-echo ERLE first reaches 10 or 20 dB.

The time until the residual echo has been reduced by a given number of decibels, as in the convergence tests of ITU-T
G.168, but here with speech and relative to the true echo, so that near-end speech and noise do not matter.
"""

import numpy as np

from aecbench.metrics.base import AtLeast, each
from aecbench.metrics.erle_segmental import SEGMENT, segmental
from aecbench.signals import Array, Signals

__all__ = ["convergence"]


@each
def convergence(signals: Signals, estimate: Array, rate: int, *, target: float) -> float:
    """Return the time [s] until the `segmental` ERLE first reaches `target` dB: [..., T] -> [...], at least 0.25.

    The stems contain only the frames in which the far end talks, so only its activity counts as time. For a single
    signal [T] that never reaches the target, raises AtLeast with the total duration: a mean over scenes is then a lower
    bound (the restricted mean of survival analysis), whereas leaving the scene out would favour systems that do not
    converge. Without an echo, the value is NaN.

    >>> echo = np.ones(16_000)
    >>> scene = Signals(mic=echo, far=echo, near=0 * echo, echo=echo, noise=0 * echo)
    >>> float(convergence(scene, np.where(np.arange(16_000) < 8000, 1, 0.1), 16_000, target=20.0))
    0.75
    """
    curve = segmental(signals, estimate, rate)
    if np.isnan(curve).all():
        return np.nan
    reached = np.flatnonzero(curve >= target)
    if not reached.size:
        raise AtLeast(estimate.size / rate, f"{target:g} dB not reached in {estimate.size / rate:.2f} s")
    return float((reached[0] + 1) * SEGMENT)
