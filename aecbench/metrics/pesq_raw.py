"""Raw score of ITU-T P.862, narrowband: the scale of papers written before P.862.1 mapped it to MOS-LQO.

Papers that mention neither "wideband" nor "MOS-LQO" often mean this score. It is not comparable with `pesq`: speech in
babble at 0 dB SNR has a raw score of 1.7 and a wideband MOS-LQO of 1.1 (8 scenes of icassp2022-babble without echo).
"""

import math

from aecbench.metrics.base import each
from aecbench.metrics.pesq import over_windows
from aecbench.signals import Array, Signals

__all__ = ["from_lqo", "pesq_raw"]

LOWEST, SPAN, SLOPE, OFFSET = 0.999, 4.0, 1.4945, 4.6607  # constants of the mapping, P.862.1, equation 1


@each
def pesq_raw(signals: Signals, estimate: Array, rate: int) -> float:
    """Return the raw PESQ of `estimate` relative to `signals.near`, [..., T] at `rate` Hz -> [...]: -0.5 ... 4.5.

    Windows, gain and undefined values are as in `pesq`. Both signals are resampled to 16 kHz and limited to telephone
    bandwidth.
    """
    return over_windows(signals.near, estimate, rate, "nb", from_lqo)


def from_lqo(lqo: float) -> float:
    """Return the raw score that P.862.1 maps to the MOS-LQO `lqo`.

    >>> [round(from_lqo(lqo), 3) for lqo in (1.0169, 2.5, 4.5487)]
    [-0.498, 2.777, 4.5]
    """
    return (OFFSET - math.log(SPAN / (lqo - LOWEST) - 1)) / SLOPE
