"""Echo return loss enhancement over time, segment by segment, and its mean.

The mean of decibels, as of the segmental SNR, gives quiet and loud segments the same weight; see `erle_true` for the
measure of a segment.
"""

import numpy as np

from aecbench.dsp import levels
from aecbench.metrics.base import LIMIT
from aecbench.metrics.erle_true import erle_true
from aecbench.signals import Array, Signals

__all__ = ["FRAMES", "SEGMENT", "erle_segmental", "segmental"]

FRAMES = 25  # of 10 ms, in a segment
SEGMENT = FRAMES * levels.FRAME  # [s]


def erle_segmental(signals: Signals, estimate: Array, rate: int) -> Array:
    """Mean of `segmental` over the segments in which there is echo, in dB: [..., T] -> [...]; of none, NaN.

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
    """`erle_true` of each quarter of a second, in dB and held within ±100: [..., T] -> [..., S].

    NaN where the echo is active (see `levels.active`) in less than half of the segment. An incomplete segment at the
    end is left out.
    """
    length = FRAMES * levels.frame_length(rate)
    count = estimate.shape[-1] // length

    def split(x: Array) -> Array:
        return x[..., : count * length].reshape(*x.shape[:-1], count, length)

    frames = levels.active(signals.echo, rate)[..., : count * FRAMES]
    active = frames.reshape(*frames.shape[:-1], count, FRAMES).mean(-1) >= 0.5
    curve = erle_true(Signals(*map(split, signals)), split(estimate), rate)
    return np.where(active, np.clip(curve, -LIMIT, LIMIT), np.nan)
