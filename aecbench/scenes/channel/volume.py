"""The volume control, which sits behind the reference."""

from collections.abc import Sequence

import numpy as np

from aecbench.dsp.elementary import from_decibels
from aecbench.dsp.interpolate import interpolate
from aecbench.scenes.channel.blend import steps
from aecbench.signals import Array

__all__ = ["volume"]

FADE = 0.05  # seconds


def volume(x: Array, gains: Sequence[float], times: Sequence[float], rate: int) -> Array:
    """Return the signal x [..., T] with a gain of gains[0] dB, and of gains[k + 1] dB from times[k] seconds on.

    The amplitude changes linearly over 50 ms, beginning at its time; a gain of -inf dB mutes. Returns the type and
    shape of x. Raises ConfigError for times that do not ascend by at least 50 ms.

    >>> volume(np.ones(6), [0.0, 20.0], [0.05], 40).round(6).tolist()
    [1.0, 1.0, 1.0, 5.5, 10.0, 10.0]
    """
    knots = steps(len(gains), times, rate, FADE)
    amplitudes = np.where(np.isneginf(gains), 0, from_decibels(np.asarray(gains, float)))
    if not times:
        return np.asarray(x * amplitudes[0], x.dtype)
    at, versions = [knot.at for knot in knots], [knot.version for knot in knots]
    curve = interpolate(np.arange(x.shape[-1]), at, amplitudes[versions])
    return np.asarray(x * curve, x.dtype)
