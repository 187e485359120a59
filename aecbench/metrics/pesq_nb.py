"""Perceptual evaluation of speech quality, narrow band (ITU-T P.862 with the mapping of P.862.1), as on a telephone."""

from aecbench.metrics.base import each
from aecbench.metrics.pesq import over_windows
from aecbench.signals import Array, Signals

__all__ = ["pesq_nb"]


@each
def pesq_nb(signals: Signals, estimate: Array, rate: int) -> float:
    """PESQ of `estimate` against `signals.near`, [..., T] at `rate` Hz -> [...]: MOS-LQO, 1.02 ... 4.55.

    As for `pesq`: windows, no gain, and where it is undefined. Both signals are taken at 16 kHz.
    """
    return over_windows(signals.near, estimate, rate, "nb")
