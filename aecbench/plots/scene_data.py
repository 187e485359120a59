"""The data for the figure of a scene: its echo path, loudspeaker and changes."""

from typing import NamedTuple

import numpy as np

from aecbench.dsp.levels import db, power
from aecbench.scenes import devices
from aecbench.scenes.rooms.decay import energy_decay, measured_rt60
from aecbench.scenes.scene import Loudspeaker, Scene
from aecbench.signals import Array

__all__ = ["Decay", "Event", "Tone", "decay", "events", "played_tone"]

TONE = 400  # approximate frequency of the tone that a loudspeaker plays [Hz]
PERIODS = 100  # periods of the tone after which a loudspeaker with memory has settled
POINTS = 1000  # points of the curve


class Decay(NamedTuple):
    """An echo path and its energy decay. Times in ms are relative to the loudspeaker signal, with the bulk delay."""

    time: Array  # [L]
    response: Array  # [L], peak 1
    direct: float  # arrival time of the direct sound
    energy: Array  # [L] remaining energy relative to the total [dB]; NaN if it does not decay
    t20: float  # measured reverberation time [s]; NaN if it does not decay enough


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
    """A change within a scene."""

    what: str  # "path", "delay", "volume" or "loss"
    start: float  # [s]
    stop: float  # [s]
    value: str = ""  # the value from then on


def decay(path: Array, rate: int) -> Decay:
    """Return an echo path [L] with its energy decay curve (Schroeder) and its reverberation time.

    The arrival of the direct sound is the time at which the response first reaches half its peak.
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
    """Return a full-scale tone before and after the nonlinearity of the loudspeaker.

    For a memoryless loudspeaker, it is computed from the characteristic, with the mean removed and the power of the
    tone. A loudspeaker with memory plays a tone of 400 Hz until it has settled.
    """
    from scipy.signal import resample  # slow to import, and seldom needed

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
    """Return the changes within a scene, grouped by kind."""
    path, channel = scene.path, scene.channel
    changes = [Event("path", path.times[0], path.times[-1], "moved")] if path.kind == "move" else []
    if path.kind == "switch":
        changes += [Event("path", time, time + path.fade, f"path {n}") for n, time in enumerate(path.times, 2)]
    changes += [Event("delay", time, time, f"{1000 * delay:.3g} ms") for time, delay in channel.jumps]
    changes += [Event("volume", time, time, f"{gain:+.1f} dB".replace("-", "−")) for time, gain in channel.volume]
    return changes + [Event("loss", time, time + seconds, f"{1000 * seconds:.0f} ms") for time, seconds in channel.gaps]
