"""PESQ of near end plus residual echo, after subtracting the background noise from the output.

T. Haubner, A. Brendel and W. Kellermann, "End-to-end deep learning-based adaptation control for linear acoustic echo
cancellation", IEEE/ACM TASLP 32, 2024, evaluate the output without its noise, so that the score reflects the residual
echo of the adaptive filter and not the level of the noise. A linear canceller passes the noise unchanged, so
subtracting the noise at the microphone from its output is exact.
"""

import numpy as np

from aecbench.metrics.base import each
from aecbench.metrics.pesq import over_windows
from aecbench.signals import Array, Signals

__all__ = ["pesq_clean"]


@each
def pesq_clean(signals: Signals, estimate: Array, rate: int) -> float:
    """Return the PESQ of `estimate` - `signals.noise` relative to `signals.near`, [..., T] at `rate` Hz -> [...].

    It is a MOS-LQO. It is meant for cancellers that subtract an echo estimate: noise that a suppressor has removed
    would be added with the opposite sign. Windows, gain and undefined values are as in `pesq`.
    """
    clean = np.subtract(estimate, signals.noise, dtype=np.float64).astype(np.float32)
    return over_windows(signals.near, clean, rate, "wb")
