"""Level of the output against the microphone while the near end talks alone.

PESQ, STOI and SI-SDR ignore the gain of the output: a system that turns the near end down by 30 dB, along with
the echo, scores as well as one that leaves it alone. Here it shows.
"""

import numpy as np

from aecbench.dsp.levels import db, power
from aecbench.signals import Array, Signals

__all__ = ["level"]


def level(signals: Signals, estimate: Array, rate: int) -> Array:
    """10 log10( E[estimate²] / E[mic²] ) in dB, shape [...]: 0 is unchanged, negative turned down.

    Reads `signals.mic` and `estimate`, both [..., T]; `rate` is unused. Noise that was taken out lowers it too, by
    less than 0.5 dB where the microphone has an SNR of 10 dB. A silent estimate gives -inf, a silent mic NaN.

    >>> mic = np.ones((4, 100))
    >>> mic[3] = 0
    >>> scene = Signals(mic=mic, far=0 * mic, near=mic, echo=0 * mic, noise=0 * mic)
    >>> level(scene, mic * [[1], [0.1], [0], [0]], 16_000).round(6).tolist()
    [0.0, -20.0, -inf, nan]
    """
    before, after = power(signals.mic), power(estimate)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(before > 0, db(after / before), np.nan)
