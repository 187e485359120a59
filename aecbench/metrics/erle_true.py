"""Echo return loss enhancement of the echo alone: what was subtracted, against the true echo.

J. Casebeer, N. J. Bryan and P. Smaragdis, "Meta-AF: Meta-Learning for Adaptive Filters", IEEE/ACM Transactions on
Audio, Speech, and Language Processing 31, 2023. With the stems at hand it holds in double talk too.
"""

import numpy as np

from aecbench.dsp.levels import db, power
from aecbench.signals import Array, Signals

__all__ = ["erle_true"]


def erle_true(signals: Signals, estimate: Array, rate: int) -> Array:
    """ERLE = 10 log10( E[d²] / E[(d - (y - ŝ))²] ) in dB, shape [...]; d the echo, y the mic, ŝ the estimate, [..., T].

    y - ŝ is what was subtracted, so what is taken from near end or noise counts as an error like echo that stays: the
    measure is meant for cancellers that subtract an estimate of the echo, and is hard on those that suppress. `rate` is
    unused. The exact echo subtracted gives +inf or, by the rounding of the stems, more than 100 dB; a silent
    estimate the ratio of the echo to all else, so read it beside a metric of the near end; a silent echo NaN.

    >>> echo, near = np.array([1.0, 1.0, -1.0, -1.0]), np.array([1.0, -1.0, 1.0, -1.0])
    >>> scene = Signals(mic=near + echo, far=echo, near=near, echo=echo, noise=0 * echo)
    >>> [float(erle_true(scene, near + left, 16_000).round(6)) for left in (echo, 0.1 * echo, 0 * echo, -near)]
    [0.0, 20.0, inf, 0.0]
    >>> float(erle_true(scene._replace(echo=0 * echo), near, 16_000))
    nan
    """
    echo, subtracted = signals.echo, np.subtract(signals.mic, estimate, dtype=np.float64)
    before, after = power(echo), power(echo - subtracted)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(before > 0, db(before / after), np.nan)
