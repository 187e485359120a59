"""Echo return loss enhancement (ERLE) without an upper limit; ITU-T G.168 uses the same ratio for line echo.

Meaningful only while the far end talks alone: near-end speech in the output would count as echo. Any attenuation of the
output increases it, including noise suppression; `erle` is limited to the value that removing the echo can achieve.
"""

import numpy as np

from aecbench.dsp.levels import db, power
from aecbench.signals import Array, Signals

__all__ = ["erle_raw"]


def erle_raw(signals: Signals, estimate: Array, rate: int) -> Array:
    """Return ERLE = 10 log10( E[mic²] / E[estimate²] ) in dB, shape [...].

    Reads `signals.mic` and `estimate`, both [..., T]; `rate` is unused. Background noise is part of both powers, so it
    limits the ERLE of a canceller that does not suppress it. For a silent estimate the ERLE is +inf, for a silent mic
    NaN.

    >>> mic = np.ones((4, 100))
    >>> mic[3] = 0
    >>> scene = Signals(mic=mic, far=mic, near=0 * mic, echo=mic, noise=0 * mic)
    >>> erle_raw(scene, mic * [[1], [0.1], [0], [0]], 16_000).round(6).tolist()
    [0.0, 20.0, inf, nan]
    """
    before, after = power(signals.mic), power(estimate)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(before > 0, db(before / after), np.nan)
