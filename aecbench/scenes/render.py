"""From a scene to audio: a pure function, with no randomness but the seeds written in the scene."""

from typing import NamedTuple

import numpy as np

from aecbench.dsp.convolve import convolve
from aecbench.dsp.levels import active_power, power
from aecbench.errors import SourceError
from aecbench.scenes import loudspeaker
from aecbench.scenes.noise import render_noise
from aecbench.scenes.rooms import ENGINES
from aecbench.scenes.scene import Room, Scene, Speech
from aecbench.scenes.sources import Sources
from aecbench.scenes.speech import speak
from aecbench.signals import Array, Signals

__all__ = ["Rendering", "render", "render_with_path"]

PEAK = 0.99  # nothing at the microphone and nothing sent to the loudspeaker exceeds this


class Rendering(NamedTuple):
    """The audio of a scene and the truth about its echo."""

    signals: Signals
    path: Array  # [L] from loudspeaker signal to echo, bulk delay and level included


def render(scene: Scene, sources: Sources) -> Signals:
    """The five signals of a scene, float32 [duration x rate]."""
    return render_with_path(scene, sources).signals


def render_with_path(scene: Scene, sources: Sources) -> Rendering:
    """The signals of a scene and its true echo path.

    The echo is loudspeaker(far) * path, cut to the scene. Levels are set over active frames: near at `near_level`, the
    echo `ser` below it, the noise `snr` below the near end (below the echo where nobody talks near). Where the
    microphone would clip, all that it hears is turned down together; ratios stay. Raises SourceError for a silent
    talker.
    """
    length = round(scene.rate * scene.duration)
    path, near_path = _paths(scene, sources)

    far = _spoken(scene.far, sources, length, scene)
    far = far * min(_gain(far, scene.far_level, scene), _headroom(far))
    played = loudspeaker.apply(scene.loudspeaker.model, far, scene.loudspeaker.parameters)

    near = convolve(_spoken(scene.near, sources, length, scene), near_path)
    near = near * _gain(near, scene.near_level, scene)
    echo = convolve(played, path)
    path_gain = 1.0 if scene.ser is None else _gain(echo, scene.near_level - scene.ser, scene)
    echo, path = echo * path_gain, path * path_gain

    noise = np.zeros(length, np.float32)
    if scene.noise is not None and scene.snr is not None:
        noise = render_noise(scene.noise, length, scene.rate, sources.noise, sources.speech)
        speech = near if scene.near is not None else echo
        level = active_power(speech, scene.rate) / 10 ** (scene.snr / 10)
        noise = noise * np.float32(np.sqrt(level / power(noise)))

    turn_down = min(np.float32(1), *(_headroom(x) for x in (near, echo, noise, near + echo + noise)))
    near, echo, noise, path = (x * turn_down for x in (near, echo, noise, path))
    return Rendering(Signals(near + echo + noise, far, near, echo, noise), path)


def _spoken(speech: Speech | None, sources: Sources, length: int, scene: Scene) -> Array:
    if speech is None:
        return np.zeros(length, np.float32)
    x = speak(sources.speech, speech, length, scene.rate)
    if not x.any():
        raise SourceError(f"scene {scene.id}: speaker {speech.speaker!r} is silent; take the files out of the source")
    return x


def _gain(x: Array, level: float, scene: Scene) -> np.float32:
    """The factor that brings the active frames of `x` to `level` dB; 1 for silence."""
    now = active_power(x, scene.rate)
    return np.float32(np.sqrt(10 ** (level / 10) / now)) if now else np.float32(1)


def _headroom(x: Array) -> np.float32:
    """The largest factor that keeps `x` within PEAK."""
    peak = np.abs(x).max()
    return np.float32(PEAK / peak if peak else np.inf)


def _paths(scene: Scene, sources: Sources) -> tuple[Array, Array]:
    """Impulse responses [L] from loudspeaker (bulk delay included) and talker to the microphone."""
    length = round(scene.rate * scene.response)
    if isinstance(scene.room, Room):
        room = scene.room
        echo, near = ENGINES[room.engine](
            room.size,
            [room.loudspeaker, room.talker],
            [room.microphone],
            room.absorption,
            rate=scene.rate,
            length=length,
        )[:, 0]
    else:
        if sources.rirs is None:
            raise SourceError(f"scene {scene.id} needs measured responses; give their folder or CSV with --rir")
        echo, near = (sources.rirs.load(file, scene.rate)[:length] for file in (scene.room.echo, scene.room.near))
    silence = np.zeros(round(scene.rate * scene.delay), np.float32)
    return np.concatenate([silence, echo]), near
