"""Short-time objective intelligibility (STOI), computed by the package pystoi.

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

TOO_SHORT = 1e-5  # value that pystoi returns for less speech than one segment of 384 ms


@each
def stoi(signals: Signals, estimate: Array, rate: int) -> float:
    """Return the STOI of `estimate` relative to `signals.near`, [..., T] at `rate` Hz -> [...]; 1 is best.

    It is a correlation. It does not depend on the gain, see `level` for that. For a single signal [T] with too little
    speech, raises Inapplicable. For a silent estimate or near end, it is NaN.
    """
    return through_pystoi(signals.near, estimate, rate, extended=False)


def through_pystoi(near: Array, estimate: Array, rate: int, *, extended: bool) -> float:
    """Return the value of pystoi for two signals [T]; NaN if one is silent. Raises Inapplicable with too little speech.

    The signals are at `rate` Hz; `extended` selects ESTOI.
    """
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
    """Seed NumPy's global generator within the block, and restore its state afterwards.

    ESTOI adds noise of 1e-16 from that generator, which changes the result where the estimate is silent.
    """
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
