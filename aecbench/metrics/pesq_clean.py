"""PESQ of the near end with the echo that is left, the background noise taken out of the output.

T. Haubner, A. Brendel and W. Kellermann, "End-to-end deep learning-based adaptation control for linear acoustic echo
cancellation", IEEE/ACM TASLP 32, 2024, evaluate the output without its noise, so that the score tells what the adaptive
filter has left and not how loud the noise was. A linear canceller passes the noise, so subtracting the noise of the
microphone from its output does that exactly.
"""

import numpy as np

from aecbench.metrics.base import each
from aecbench.metrics.pesq import over_windows
from aecbench.signals import Array, Signals

__all__ = ["pesq_clean"]


@each
def pesq_clean(signals: Signals, estimate: Array, rate: int) -> float:
    """PESQ of `estimate` less `signals.noise` against `signals.near`, [..., T] at `rate` Hz -> [...]: MOS-LQO.

    Meant for cancellers that subtract an estimate of the echo: noise that a suppressor took away comes back with the
    opposite sign. Windows, gain and undefined values are as in `pesq`.
    """
    clean = np.subtract(estimate, signals.noise, dtype=np.float64).astype(np.float32)
    return over_windows(signals.near, clean, rate, "wb")
