"""The microphone's automatic gain control, as a gain over time: it multiplies every stem alike, so their sum holds."""

from collections.abc import Mapping

import numpy as np

from aecbench.dsp.compile import compiled
from aecbench.dsp.elementary import decibels, exp, from_decibels
from aecbench.dsp.interpolate import interpolate
from aecbench.dsp.levels import frame_length, power
from aecbench.scenes.devices.device import Range, settings
from aecbench.signals import Array

__all__ = ["MICROPHONE_AGC", "microphone_gain"]

MICROPHONE_AGC: Mapping[str, Range] = {
    "target": Range(-24.0, -50.0, -6.0),  # level [dBFS] it aims at
    "highest": Range(18.0, 0.0, 40.0),  # gain [dB]
    "lowest": Range(-18.0, -40.0, 0.0),
    "gate": Range(-60.0, -90.0, -20.0),  # frames below this level [dBFS] leave the gain as it is
    "attack": Range(0.1, 0.01, 2.0),  # time constants [s] of gain falling
    "release": Range(1.0, 0.05, 10.0),  # and rising
}


def microphone_gain(mic: Array, rate: int, parameters: Mapping[str, float]) -> Array:
    """Return the gain, as a factor, of an AGC for `mic` [..., T]: float32 [..., T]. Parameters: MICROPHONE_AGC.

    Per 10 ms frame the gain in dB moves towards target minus level, within its limits, with time constants `attack`
    and `release`. It starts at 0 dB, each frame acts on the ones after it, and in between it is interpolated.
    Raises ConfigError for an unknown parameter or a value out of its range.
    """
    values = settings("microphone AGC", MICROPHONE_AGC, parameters)
    length, n = mic.shape[-1], frame_length(rate)
    frames = length // n
    levels = decibels(power(mic[..., : frames * n].reshape(*mic.shape[:-1], frames, n)))
    weights = [1 - exp(-n / (rate * values[name])) for name in ("attack", "release")]
    gain = np.empty(mic.shape, np.float32)
    for i in np.ndindex(mic.shape[:-1]):
        after = np.zeros(frames + 2)  # gain [dB] at the end of frame k - 1: known from the frames before it
        _follow(levels[i], after[2:], values["target"], values["lowest"], values["highest"], values["gate"], *weights)
        gain[i] = from_decibels(interpolate(np.arange(length), n * np.arange(frames + 2), after))
    return gain


@compiled
def _follow(
    levels: Array, gains: Array, target: float, lowest: float, highest: float, gate: float, fall: float, rise: float
) -> None:
    gain = 0.0
    for k in range(levels.shape[0]):
        if levels[k] > gate:
            goal = min(max(target - levels[k], lowest), highest)
            gain += (fall if goal < gain else rise) * (goal - gain)
        gains[k] = gain
