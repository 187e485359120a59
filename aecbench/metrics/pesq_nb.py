"""Perceptual evaluation of speech quality (PESQ), narrowband as on a telephone (ITU-T P.862, mapping of P.862.1)."""

from aecbench.metrics.base import each
from aecbench.metrics.pesq import over_windows
from aecbench.signals import Array, Signals

__all__ = ["pesq_nb"]


@each
def pesq_nb(signals: Signals, estimate: Array, rate: int) -> float:
    """Return the PESQ of `estimate` relative to `signals.near`, [..., T] at `rate` Hz -> [...]: MOS-LQO, 1.02 ... 4.55.

    Windows, gain and undefined values are as in `pesq`. Both signals are resampled to 16 kHz.
    """
    return over_windows(signals.near, estimate, rate, "nb")
