"""Short-time objective intelligibility, through the package pystoi.

C. H. Taal, R. C. Hendriks, R. Heusdens and J. Jensen, "An Algorithm for Intelligibility Prediction of Time-Frequency
Weighted Noisy Speech", IEEE Transactions on Audio, Speech, and Language Processing 19(7), 2011.
"""

import warnings

import numpy as np

from aecbench.metrics.base import Inapplicable, each
from aecbench.signals import Array, Signals

__all__ = ["stoi"]

TOO_SHORT = 1e-5  # what pystoi returns for less speech than one segment of 384 ms


@each
def stoi(signals: Signals, estimate: Array, rate: int) -> float:
    """STOI of `estimate` against `signals.near`, [..., T] at `rate` Hz -> [...]: a correlation, 1 is best.

    It ignores gain, so see `level` too. Of a lone signal [T] with too little speech raises Inapplicable; a silent
    estimate or near is NaN.
    """
    from pystoi import stoi as pystoi

    if not (signals.near.any() and estimate.any()):
        return np.nan
    near, estimate = (x.astype(np.float64) / np.abs(x).max() for x in (signals.near, estimate))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        value = float(pystoi(near, estimate, rate))
    if value == TOO_SHORT:
        raise Inapplicable("STOI: less than 0.4 s of speech")
    return value
