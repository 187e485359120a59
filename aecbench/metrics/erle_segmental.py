"""Mean over segments of the echo return loss enhancement (ERLE) of the true echo.

As in the segmental SNR, a mean of decibels weights quiet and loud segments equally. `erle_true` defines the value of a
segment.
"""

import numpy as np

from aecbench.dsp import levels
from aecbench.metrics.base import LIMIT
from aecbench.metrics.erle_true import erle_true
from aecbench.signals import Array, Signals

__all__ = ["FRAMES", "SEGMENT", "erle_segmental", "segmental"]

FRAMES = 25  # frames of 10 ms in a segment
SEGMENT = FRAMES * levels.FRAME  # length of a segment [s]


def erle_segmental(signals: Signals, estimate: Array, rate: int) -> Array:
    """Return the mean of `segmental` over the segments with echo, in dB: [..., T] -> [...]; NaN if there are none.

    >>> echo = np.ones((3, 8000)) * [[1], [1], [0]]
    >>> scene = Signals(mic=echo, far=echo, near=0 * echo, echo=echo, noise=0 * echo)
    >>> estimate = echo * np.where(np.arange(8000) < 4000, 1, 0.1) * [[1], [0], [1]]
    >>> erle_segmental(scene, estimate, 16_000).round(6).tolist()
    [10.0, 100.0, nan]
    """
    curve = segmental(signals, estimate, rate)
    valid = ~np.isnan(curve)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(valid, curve, 0).sum(-1) / valid.sum(-1))


def segmental(signals: Signals, estimate: Array, rate: int) -> Array:
    """Return `erle_true` of S segments of 0.25 s each, in dB and limited to ±100: [..., T] -> [..., S].

    The value is NaN for segments in which the echo is active (see `levels.active`) for less than half of the time. An
    incomplete segment at the end is left out.
    """
    length = FRAMES * levels.frame_length(rate)
    count = estimate.shape[-1] // length

    def split(x: Array) -> Array:
        return x[..., : count * length].reshape(*x.shape[:-1], count, length)

    frames = levels.active(signals.echo, rate)[..., : count * FRAMES]
    active = frames.reshape(*frames.shape[:-1], count, FRAMES).mean(-1) >= 0.5
    curve = erle_true(Signals(*map(split, signals)), split(estimate), rate)
    return np.where(active, np.clip(curve, -LIMIT, LIMIT), np.nan)
