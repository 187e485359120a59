"""Extended short-time objective intelligibility (ESTOI), for interference that varies over time; by pystoi.

J. Jensen and C. H. Taal, "An Algorithm for Predicting the Intelligibility of Speech Masked by Modulated Noise Maskers",
IEEE/ACM Transactions on Audio, Speech, and Language Processing 24(11), 2016.
"""

from aecbench.metrics.base import each
from aecbench.metrics.stoi import through_pystoi
from aecbench.signals import Array, Signals

__all__ = ["estoi"]


@each
def estoi(signals: Signals, estimate: Array, rate: int) -> float:
    """Return the ESTOI of `estimate` relative to `signals.near`, [..., T] at `rate` Hz -> [...]; 1 is best.

    It is a correlation. It does not depend on the gain, and is undefined under the same conditions as `stoi`.
    """
    return through_pystoi(signals.near, estimate, rate, extended=True)
