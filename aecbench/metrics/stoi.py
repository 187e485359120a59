"""Short-time objective intelligibility, through the package pystoi.

C. H. Taal, R. C. Hendriks, R. Heusdens and J. Jensen, "An Algorithm for Intelligibility Prediction of Time-Frequency
Weighted Noisy Speech", IEEE Transactions on Audio, Speech, and Language Processing 19(7), 2011.
"""

import contextlib
import warnings
from collections.abc import Iterator

import numpy as np

from aecbench.metrics.base import Inapplicable, each
from aecbench.signals import Array, Signals

__all__ = ["stoi", "through_pystoi"]

TOO_SHORT = 1e-5  # what pystoi returns for less speech than one segment of 384 ms


@each
def stoi(signals: Signals, estimate: Array, rate: int) -> float:
    """STOI of `estimate` against `signals.near`, [..., T] at `rate` Hz -> [...]: a correlation, 1 is best.

    It ignores gain, so see `level` too. For a single signal [T] with too little speech, raises Inapplicable; a silent
    estimate or near is NaN.
    """
    return through_pystoi(signals.near, estimate, rate, extended=False)


def through_pystoi(near: Array, estimate: Array, rate: int, *, extended: bool) -> float:
    """Return the value of pystoi for [T] and [T]; NaN if one is silent. Raises Inapplicable for too little speech."""
    from pystoi import stoi as pystoi

    if not (near.any() and estimate.any()):
        return np.nan
    near, estimate = (x.astype(np.float64) / np.abs(x).max() for x in (near, estimate))
    with warnings.catch_warnings(), _seeded():
        warnings.simplefilter("ignore", RuntimeWarning)
        value = float(pystoi(near, estimate, rate, extended))
    if value == TOO_SHORT:
        raise Inapplicable("STOI: less than 0.4 s of speech")
    return value


@contextlib.contextmanager
def _seeded() -> Iterator[None]:
    """The extended one adds noise of 1e-16 from the global generator; where the estimate is silent, that shows."""
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
