"""Echo return loss enhancement (ERLE) relative to the true echo; valid in double talk too.

The signal that was subtracted from the microphone is compared with the echo:
J. Casebeer, N. J. Bryan and P. Smaragdis, "Meta-AF: Meta-Learning for Adaptive Filters", IEEE/ACM Transactions on
Audio, Speech, and Language Processing 31, 2023.
"""

import numpy as np

from aecbench.dsp.levels import db, power
from aecbench.signals import Array, Signals

__all__ = ["erle_true"]


def erle_true(signals: Signals, estimate: Array, rate: int) -> Array:
    """Return ERLE = 10 log10( E[d²] / E[(d - (y - ŝ))²] ) in dB, shape [...]: echo d, mic y, estimate ŝ, all [..., T].

    y - ŝ is what was subtracted, so removed near end or noise counts as an error just like residual echo. The measure
    is meant for cancellers that subtract an echo estimate, and penalises suppressors. `rate` is unused. If exactly the
    echo was subtracted, the value is +inf or, because the stems are rounded, above 100 dB. For a silent estimate, it is
    the ratio of the echo to everything else, so a metric of the near end has to be read with it. For a silent echo, it
    is NaN.

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
