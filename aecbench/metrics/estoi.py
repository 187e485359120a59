"""Extended short-time objective intelligibility, for interference that varies in time, through the package pystoi.

J. Jensen and C. H. Taal, "An Algorithm for Predicting the Intelligibility of Speech Masked by Modulated Noise Maskers",
IEEE/ACM Transactions on Audio, Speech, and Language Processing 24(11), 2016.
"""

from aecbench.metrics.base import each
from aecbench.metrics.stoi import through_pystoi
from aecbench.signals import Array, Signals

__all__ = ["estoi"]


@each
def estoi(signals: Signals, estimate: Array, rate: int) -> float:
    """ESTOI of `estimate` against `signals.near`, [..., T] at `rate` Hz -> [...]: a correlation, 1 is best.

    It ignores gain and is undefined where `stoi` is.
    """
    return through_pystoi(signals.near, estimate, rate, extended=True)
