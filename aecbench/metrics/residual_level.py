"""Level of what is left while the far end talks alone: what the person there hears of herself, and the noise."""

import numpy as np

from aecbench.dsp.levels import db, power
from aecbench.signals import Array, Signals

__all__ = ["residual_level"]


def residual_level(signals: Signals, estimate: Array, rate: int) -> Array:
    """10 log10 E[estimate²] in dBFS, a square wave of full scale being 0: [..., T] -> [...]; `rate` is unused.

    Noise at the microphone bounds it, in a system that leaves noise alone. A silent estimate gives -inf, a silent mic
    NaN.

    >>> mic = np.ones((4, 100))
    >>> mic[3] = 0
    >>> scene = Signals(mic=mic, far=mic, near=0 * mic, echo=mic, noise=0 * mic)
    >>> residual_level(scene, mic * [[1], [0.1], [0], [0]], 16_000).round(6).tolist()
    [0.0, -20.0, -inf, nan]
    """
    return np.where(power(signals.mic) > 0, db(power(estimate)), np.nan)
