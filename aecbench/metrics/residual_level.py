"""Level of the output while the far end talks alone: residual echo and noise."""

import numpy as np

from aecbench.dsp.levels import db, power
from aecbench.signals import Array, Signals

__all__ = ["residual_level"]


def residual_level(signals: Signals, estimate: Array, rate: int) -> Array:
    """Return 10 log10 E[estimate²] in dBFS (0 for a full-scale square wave): [..., T] -> [...]; `rate` is unused.

    The noise at the microphone is a lower limit for a system that does not suppress it. For a silent estimate the value
    is -inf, for a silent mic NaN.

    >>> mic = np.ones((4, 100))
    >>> mic[3] = 0
    >>> scene = Signals(mic=mic, far=mic, near=0 * mic, echo=mic, noise=0 * mic)
    >>> residual_level(scene, mic * [[1], [0.1], [0], [0]], 16_000).round(6).tolist()
    [0.0, -20.0, -inf, nan]
    """
    return np.where(power(signals.mic) > 0, db(power(estimate)), np.nan)
