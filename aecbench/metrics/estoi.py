"""Extended short-time objective intelligibility (ESTOI), for interference that varies over time.

J. Jensen and C. H. Taal, "An Algorithm for Predicting the Intelligibility of Speech Masked by Modulated Noise Maskers",
IEEE/ACM Transactions on Audio, Speech, and Language Processing 24(11), 2016.
"""

import numpy as np

from aecbench.metrics.base import each
from aecbench.metrics.stoi import EPSILON, SEGMENT, Float64, envelopes
from aecbench.signals import Array, Signals

__all__ = ["estoi"]


@each
def estoi(signals: Signals, estimate: Array, rate: int) -> float:
    """Return the ESTOI of `estimate` relative to `signals.near`, [..., T] at `rate` Hz -> [...]; 1 is best.

    It is a correlation. It does not depend on the gain, and is undefined under the same conditions as `stoi`.
    """
    if not (signals.near.any() and estimate.any()):
        return np.nan
    noise = np.random.RandomState(0)  # the generator and the order of the authors' noise, as pystoi has them
    near, degraded = (_normalised(x, noise) for x in envelopes(signals.near, estimate, rate))
    return float(np.sum(near * degraded) / SEGMENT / len(near))


def _normalised(segments: Float64, noise: np.random.RandomState) -> Float64:
    """Return segments [S, BANDS, SEGMENT] whose bands, and then whose frames, have mean 0 and norm 1.

    Noise of 1e-16 is added before both, so that neither is 0 where a signal is silent.
    """
    for axis in (2, 1):
        segments = segments + EPSILON * noise.standard_normal(segments.shape)
        segments -= segments.mean(axis, keepdims=True)
        segments /= np.sqrt(np.square(segments).sum(axis, keepdims=True))
    return segments
