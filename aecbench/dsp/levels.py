"""Levels, speech activity and talk labels, in frames of 10 ms."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecbench.dsp.elementary import decibels
from aecbench.signals import Array, Signals, Talk

__all__ = [
    "FRAME",
    "active",
    "active_power",
    "db",
    "frame_length",
    "frame_power",
    "near_levels",
    "power",
    "talk",
    "to_samples",
]

FRAME = 0.01  # length of a frame [s]
FLOOR = 1e-4  # a frame is active if its power is less than 40 dB below the loudest frame's
HOLD = 20  # frames of 10 ms by which activity is extended, so that pauses within a sentence count as speech


def db(ratio: Array | float) -> Any:
    """Return 10 log10(ratio): -inf for 0 and NaN for a negative or undefined ratio, without a warning."""
    return decibels(ratio)


def power(x: Array) -> Any:
    """Return the mean square over the last axis, in float64: [..., T] -> [...]; NaN without samples."""
    if x.shape[-1] == 0:
        return np.full(x.shape[:-1], np.nan)
    squares = x.astype(np.float64)
    squares *= squares
    return np.mean(squares, axis=-1)


def frame_length(rate: int) -> int:
    """Return the number of samples of a 10 ms frame at `rate` Hz."""
    return round(rate * FRAME)


def active(x: Array, rate: int) -> NDArray[np.bool_]:
    """Return in which frames `x` is active: [..., T] -> bool [..., T // frame_length(rate)].

    A frame is active if its power, or that in one of the 200 ms before (the hang-over of ITU-T P.56, method B), is less
    than 40 dB below the loudest frame's. The result does not depend on the scale of `x`; silence is never active.
    """
    return _active(frame_power(x, rate))


def frame_power(x: Array, rate: int) -> Array:
    """Return the mean square of each 10 ms frame, in float64: [..., T] -> [..., T // frame_length(rate)]."""
    n = frame_length(rate)
    frames = x.shape[-1] // n
    return np.asarray(power(x[..., : frames * n].reshape(*x.shape[:-1], frames, n)))


def _active(energy: Array) -> NDArray[np.bool_]:
    """Return which frames are active, bool [..., F], given the power of each frame [..., F]."""
    if energy.shape[-1] == 0:
        return np.zeros(energy.shape, bool)
    loud = energy > FLOOR * energy.max(axis=-1, keepdims=True)
    padded = np.concatenate([np.zeros((*loud.shape[:-1], HOLD + 1), bool), loud], axis=-1)
    count = np.cumsum(padded, axis=-1)
    return np.asarray(count[..., HOLD + 1 :] > count[..., : -HOLD - 1])


def to_samples(frames: NDArray[Any], rate: int, length: int) -> NDArray[Any]:
    """Repeat the value of each frame for its samples, cut or edge-padded to `length`: [..., F] -> [..., length]."""
    samples = np.repeat(frames, frame_length(rate), axis=-1)[..., :length]
    missing = length - samples.shape[-1]
    return np.pad(samples, [(0, 0)] * (samples.ndim - 1) + [(0, missing)], mode="edge") if missing else samples


def active_power(x: Array, rate: int) -> float:
    """Return the mean square of one signal [T] over its active frames; 0 if it is silent."""
    energy = frame_power(x, rate)
    frames = _active(energy)
    return float(energy[frames].mean()) if frames.any() else 0.0


def near_levels(near: Array, echo: Array, rate: int) -> tuple[float, float]:
    """Return the near end's level [dBFS] in its active frames, and the near-to-echo ratio [dB] where both are active.

    Both are [T], of one scene. A value is NaN if there are no such frames.
    """
    powers = frame_power(near, rate), frame_power(echo, rate)
    talks = [_active(energy) for energy in powers]
    overlap = talks[0] & talks[1]
    level = float(powers[0][talks[0]].mean()) if talks[0].any() else 0.0
    sums = [float(energy[overlap].sum()) for energy in powers]
    return (float(db(level)) if level else np.nan), (float(db(sums[0] / sums[1])) if all(sums) else np.nan)


def talk(signals: Signals, rate: int) -> NDArray[np.int8]:
    """Return who is talking in every 10 ms frame: Talk values [..., T // frame_length(rate)], from echo and near."""
    far = np.where(active(signals.echo, rate), Talk.FAR, 0)
    near = np.where(active(signals.near, rate), Talk.NEAR, 0)
    return (far + near).astype(np.int8)
