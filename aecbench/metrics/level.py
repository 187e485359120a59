"""Level of the output relative to the microphone while the near end talks alone.

PESQ, STOI and SI-SDR do not depend on the gain of the output: a system that attenuates the near end by 30 dB, along
with the echo, scores as well as one that leaves it unchanged. This metric shows the difference.
"""

import numpy as np

from aecbench.dsp.levels import db, power
from aecbench.signals import Array, Signals

__all__ = ["level"]


def level(signals: Signals, estimate: Array, rate: int) -> Array:
    """Return 10 log10( E[estimate²] / E[mic²] ) in dB, shape [...]: 0 means unchanged, negative attenuated.

    Reads `signals.mic` and `estimate`, both [..., T]; `rate` is unused. Noise suppression lowers it too, by less than
    0.5 dB at an SNR of 10 dB in the microphone. For a silent estimate it is -inf, for a silent mic NaN.

    >>> mic = np.ones((4, 100))
    >>> mic[3] = 0
    >>> scene = Signals(mic=mic, far=0 * mic, near=mic, echo=0 * mic, noise=0 * mic)
    >>> level(scene, mic * [[1], [0.1], [0], [0]], 16_000).round(6).tolist()
    [0.0, -20.0, -inf, nan]
    """
    before, after = power(signals.mic), power(estimate)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(before > 0, db(after / before), np.nan)
