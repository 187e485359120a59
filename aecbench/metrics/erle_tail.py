"""Echo return loss enhancement (ERLE) over the last quarter, after a canceller has had time to converge."""

from aecbench.metrics.erle import erle
from aecbench.signals import Array, Signals

__all__ = ["erle_tail"]

PART = 0.25  # fraction of the signal, at its end, that is evaluated


def erle_tail(signals: Signals, estimate: Array, rate: int) -> Array:
    """Return `erle` over the last quarter, in dB: [..., T] -> [...]; NaN under the same conditions as `erle`.

    >>> import numpy as np
    >>> mic = np.ones(100)
    >>> scene = Signals(mic=mic, far=mic, near=0 * mic, echo=mic, noise=0 * mic)
    >>> float(erle_tail(scene, np.where(np.arange(100) < 75, 1, 0.1), 16_000).round(6))
    20.0
    """
    tail = slice(signals.mic.shape[-1] - round(PART * signals.mic.shape[-1]), None)
    return erle(Signals(*(x[..., tail] for x in signals)), estimate[..., tail], rate)
