"""The numbers behind the picture of a scene: its echo path, its loudspeaker, its changes."""

from typing import NamedTuple

import numpy as np
from scipy.signal import resample

from aecbench.dsp.levels import db, power
from aecbench.scenes import devices
from aecbench.scenes.rooms.decay import energy_decay, measured_rt60
from aecbench.scenes.scene import Loudspeaker, Scene
from aecbench.signals import Array

__all__ = ["Decay", "Event", "Tone", "decay", "events", "played_tone"]

TONE = 400  # about the frequency of the tone that a loudspeaker is given [Hz]
PERIODS = 100  # of it, until a loudspeaker with memory has settled
POINTS = 1000  # of the curve


class Decay(NamedTuple):
    """An echo path and how it dies away. Times in ms from the loudspeaker signal, bulk delay included."""

    time: Array  # [L]
    response: Array  # [L], peak 1
    direct: float  # when the direct sound arrives
    energy: Array  # [L] what is still to come, dB of all; NaN where it does not decay
    t20: float  # measured reverberation time [s]; NaN where it does not decay enough


class Tone(NamedTuple):
    """One period of a tone, before and after a loudspeaker."""

    given: Array  # [POINTS], peak 1
    played: Array  # [POINTS]

    @property
    def thd(self) -> float:
        """Total harmonic distortion: amplitude of all harmonics relative to the fundamental."""
        amplitudes = np.abs(np.fft.rfft(self.played))
        return float(np.sqrt(np.sum(amplitudes[2:] ** 2)) / amplitudes[1])


class Event(NamedTuple):
    """Something that changes in a scene."""

    what: str  # "path", "delay", "volume" or "loss"
    start: float  # [s]
    stop: float  # [s]
    value: str = ""  # what it is from then on


def decay(path: Array, rate: int) -> Decay:
    """An echo path [L] with its energy decay curve (Schroeder) and its reverberation time.

    The direct sound is taken to arrive when the response first comes to half its peak.
    """
    path = np.trim_zeros(path, "b")
    magnitude = np.abs(path)
    time = 1000 / rate * np.arange(path.size)
    direct = float(time[np.argmax(magnitude > magnitude.max() / 2)])
    energy = energy_decay(path)
    with np.errstate(invalid="ignore"):
        share = energy / energy[0]
    return Decay(time, path / magnitude.max(), direct, db(share), measured_rt60(path, rate))


def played_tone(loudspeaker: Loudspeaker, rate: int) -> Tone:
    """Return a tone at full scale behind the nonlinearity of the loudspeaker.

    One without memory follows its characteristic, without the mean and at the power of the tone. One with memory is
    given a tone of 400 Hz, until it has settled.
    """
    sine = np.sin(2 * np.pi * np.arange(POINTS) / POINTS)
    if devices.find(loudspeaker.model).memoryless:
        return Tone(sine, _characteristic(loudspeaker, sine))
    period = rate // TONE
    x = np.tile(np.sin(2 * np.pi * np.arange(period) / period), PERIODS)
    y = devices.apply(loudspeaker.model, x, rate, loudspeaker.parameters)
    return Tone(sine, np.asarray(resample(y[-period:], POINTS)))


def _characteristic(loudspeaker: Loudspeaker, x: Array) -> Array:
    device = devices.find(loudspeaker.model)
    values = devices.settings(f"loudspeaker {loudspeaker.model}", device.parameters, loudspeaker.parameters)
    y = device.fn(values.pop("drive", 1.0) * x, **values)
    y = y - y.mean()
    return np.asarray(y * np.sqrt(power(x) / power(y)))


def events(scene: Scene) -> list[Event]:
    """The changes within a scene, kind by kind."""
    path, channel = scene.path, scene.channel
    changes = [Event("path", path.times[0], path.times[-1], "moved")] if path.kind == "move" else []
    if path.kind == "switch":
        changes += [Event("path", time, time + path.fade, f"path {n}") for n, time in enumerate(path.times, 2)]
    changes += [Event("delay", time, time, f"{1000 * delay:.3g} ms") for time, delay in channel.jumps]
    changes += [Event("volume", time, time, f"{gain:+.1f} dB".replace("-", "−")) for time, gain in channel.volume]
    return changes + [Event("loss", time, time + seconds, f"{1000 * seconds:.0f} ms") for time, seconds in channel.gaps]
