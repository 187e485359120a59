"""Memoryless loudspeaker nonlinearities. A new one is a file here and a line in LOUDSPEAKERS.

Other packages add theirs as entry points `aecbench.loudspeakers`.
"""

from collections.abc import Mapping

import numpy as np

from aecbench.dsp.elementary import PI
from aecbench.dsp.levels import power
from aecbench.dsp.recursive import filtered
from aecbench.plugins import Table
from aecbench.scenes.loudspeaker import (
    arctan,
    hard_clip,
    linear,
    polynomial,
    scaled_erf,
    soft_clip,
    tanh,
    zhang_wang,
)
from aecbench.scenes.loudspeaker.model import DRIVE, Model, Range, settings
from aecbench.scenes.loudspeaker.oversample import oversampled
from aecbench.signals import Array

__all__ = [
    "DRIVE",
    "GROUP",
    "LOUDSPEAKERS",
    "Model",
    "Range",
    "apply",
    "block_dc",
    "distort",
    "find",
    "settings",
]

LOUDSPEAKERS: dict[str, Model] = {
    "linear": linear.MODEL,
    "hard_clip": hard_clip.MODEL,
    "soft_clip": soft_clip.MODEL,
    "arctan": arctan.MODEL,
    "tanh": tanh.MODEL,
    "scaled_erf": scaled_erf.MODEL,
    "zhang_wang": zhang_wang.MODEL,
    "polynomial": polynomial.MODEL,
}

GROUP = "aecbench.loudspeakers"  # of entry points
TABLE = Table("loudspeaker", GROUP, LOUDSPEAKERS, (Model,))

DC_POLE = 1 - 2 * PI / 800  # high-pass at 1/800 of the rate: 20 Hz at 16 kHz, below what loudspeakers radiate


def find(name: str) -> Model:
    """The model of this name: a row of LOUDSPEAKERS, one that an installed package offers, or "package.module:NAME".

    Raises UnknownName, and ConfigError for one of another package that cannot be used.
    """
    return TABLE.find(name)


def apply(name: str, x: Array, parameters: Mapping[str, float]) -> Array:
    """The signal x [..., T] as the named loudspeaker distorts it: same shape, type and power.

    x is scaled to the peak `drive` (1 = full scale), distorted, and scaled back to the power it had. How much it is
    distorted thus depends on `drive` and on the shape of the waveform, not on its level, and a signal-to-echo ratio
    set before or after means the same. Each signal of a batch is treated by itself. Harmonics above the Nyquist
    frequency are removed, not aliased. The DC that even-order distortion makes is taken out by a high-pass at 1/800
    of the rate: a loudspeaker does not radiate it, and a constant would count as activity in the pauses. Silence stays
    silence; a linear model returns x itself.

    Raises as `find`, and ConfigError for an unknown parameter or a value out of its range.
    """
    model = find(name)
    values = settings(f"loudspeaker {name}", model.parameters, parameters)
    if "drive" not in values:
        return model.fn(x, **values)
    peak = np.abs(x).max(axis=-1, keepdims=True, initial=0.0)
    scale = _ratio(1.0, peak).astype(x.dtype)
    return np.asarray(distort(model, x * scale, values) * peak)


def distort(model: Model, x: Array, values: Mapping[str, float]) -> Array:
    """The signal x [..., T], in units of full scale, through a model that is not linear: f(drive x) at the power of x.

    `values` are all parameters of the model, as `settings` returns them.
    """
    own = {key: value for key, value in values.items() if key != "drive"}
    driven = x * x.dtype.type(values["drive"])
    y = oversampled(lambda z: model.fn(z, **own), driven)
    if model.even:
        y = block_dc(y)
    gain = np.sqrt(_ratio(power(x), power(y)))[..., None]
    return np.asarray(y * gain, x.dtype)


def block_dc(x: Array) -> Array:
    """The signal x [..., T] without DC: first-order high-pass y[t] = x[t] - x[t-1] + p y[t-1] at 1/800 of the rate."""
    return filtered([([1.0, -1.0], [1.0, -DC_POLE])], x)


def _ratio(a: Array | float, b: Array) -> Array:
    """The quotient a / b, and 0 where b is 0."""
    return np.divide(a, b, out=np.zeros(np.shape(b)), where=np.asarray(b) > 0)
