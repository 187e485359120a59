"""Stages of a loudspeaker device, in series. A new one is a file here and a line in DEVICES.

Other packages add theirs, with memory or without, as entry points `aecbench.loudspeakers`.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from aecbench.dsp.levels import power
from aecbench.plugins import Table
from aecbench.scenes.devices import (
    arctan,
    compressor,
    excursion,
    hammerstein,
    hard_clip,
    linear,
    polynomial,
    rattle,
    response,
    scaled_erf,
    soft_clip,
    tanh,
    tone,
    volterra,
    wiener_hammerstein,
    zhang_wang,
)
from aecbench.scenes.devices.device import DRIVE, Device, Range, settings
from aecbench.scenes.devices.memoryless import distort
from aecbench.scenes.devices.microphone import MICROPHONE_AGC, microphone_gain
from aecbench.scenes.devices.response import measured
from aecbench.signals import Array

__all__ = [
    "DEVICES",
    "DRIVE",
    "MICROPHONE_AGC",
    "TABLE",
    "Device",
    "Range",
    "apply",
    "find",
    "measured",
    "microphone_gain",
    "play",
    "settings",
]

DEVICES: dict[str, Device] = {
    "linear": linear.DEVICE,
    "hard_clip": hard_clip.DEVICE,
    "soft_clip": soft_clip.DEVICE,
    "arctan": arctan.DEVICE,
    "tanh": tanh.DEVICE,
    "scaled_erf": scaled_erf.DEVICE,
    "zhang_wang": zhang_wang.DEVICE,
    "polynomial": polynomial.DEVICE,
    "hammerstein": hammerstein.DEVICE,
    "wiener_hammerstein": wiener_hammerstein.DEVICE,
    "volterra": volterra.DEVICE,
    "excursion": excursion.DEVICE,
    "compressor": compressor.DEVICE,
    "response": response.DEVICE,
    "tone": tone.DEVICE,
    "rattle": rattle.DEVICE,
}

TABLE = Table("device stage", "aecbench.loudspeakers", DEVICES, (Device,))


def find(name: str) -> Device:
    """Return the device of this name: a row of DEVICES, one that a package offers, or "package.module:NAME".

    Raises UnknownName, and ConfigError for one of another package that cannot be used.
    """
    return TABLE.find(name)


def apply(name: str, x: Array, rate: int, parameters: Mapping[str, float]) -> Array:
    """Send the signal x [..., T], in units of full scale, through one stage: same shape and type.

    Raises as `find`, and ConfigError for an unknown parameter or a value out of its range.
    """
    device = find(name)
    values = settings(f"device stage {name}", device.parameters, parameters)
    with TABLE.blamed(name):
        y = distort(device, x, values) if device.memoryless else device.fn(x, rate, **values)
        if y.shape != x.shape:
            raise ValueError(f"gives shape {y.shape}, expected {x.shape}")
        return np.asarray(y, x.dtype)


def play(stages: Sequence[tuple[str, Mapping[str, float]]], x: Array, rate: int) -> Array:
    """Send the signal x [..., T] through stages, each a device by name and its parameters: same shape, type and power.

    Parameters that are not given have their defaults. Full scale, to which thresholds and drives refer, is the peak of
    x: each signal of a batch is scaled to a peak of 1 and, at the end, to its original power. The effect of a device
    thus depends on the waveform of a signal and not on its level, and a signal-to-echo ratio has the same meaning
    before and after. Silence remains silence; without stages, x is returned unchanged.
    """
    if not stages:
        return x
    peak = np.abs(x).max(axis=-1, keepdims=True, initial=0.0)
    y: Array = x / np.where(peak > 0, peak, 1)
    for name, parameters in stages:
        y = apply(name, y, rate, parameters)
    before, after = power(x), power(y)
    gain = np.sqrt(np.divide(before, after, out=np.zeros_like(before), where=after > 0))[..., None]
    return np.asarray(y * gain, x.dtype)
