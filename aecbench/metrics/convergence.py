"""How long a canceller takes to converge.

The time until the residual echo is so many decibels down, as the convergence tests of ITU-T G.168 measure it; here on
speech and by the true echo, so that it does not matter who else talks.
"""

import numpy as np

from aecbench.metrics.base import AtLeast, each
from aecbench.metrics.erle_segmental import SEGMENT, segmental
from aecbench.signals import Array, Signals

__all__ = ["convergence"]


@each
def convergence(signals: Signals, estimate: Array, rate: int, *, target: float) -> float:
    """Seconds until the `segmental` ERLE first reaches `target` dB: [..., T] -> [...], from 0.25 s on.

    The stems hold the frames in which the far end talks, so only its activity counts as time. For a single signal [T]
    that never reaches the target, raises AtLeast with the total duration: a mean over scenes is then a lower bound
    (the restricted mean of survival analysis), whereas leaving the scene out would favour systems that do not
    converge. Without an echo NaN.

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
