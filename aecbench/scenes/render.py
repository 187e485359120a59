"""From a scene to audio: a pure function, with no randomness but the seeds written in the scene.

far speech + far noise -> lost packets -> far
far, echo: or both from a recording
far -> volume -> device -> clock drift -> delay -> room -> echo        speech -> room -> near        noise
mic = capture(gain (near + echo + noise) + floor): the processing of the microphone signal acts on every stem
"""

import functools
from typing import NamedTuple

import numpy as np

from aecbench.dsp.convolve import convolve
from aecbench.dsp.delay import drift
from aecbench.dsp.elementary import decibels, from_decibels
from aecbench.dsp.levels import active_power, power
from aecbench.errors import SourceError
from aecbench.scenes import channel, devices
from aecbench.scenes.capture import capture
from aecbench.scenes.noise import render_noise
from aecbench.scenes.rooms import ENGINES
from aecbench.scenes.scene import Point, RecordedEcho, Room, Scene, Speech
from aecbench.scenes.sources import Sources
from aecbench.scenes.speech import SpeechSource, speak
from aecbench.signals import Array, Signals

__all__ = ["Rendering", "render", "render_with_paths"]

PEAK = 0.99  # nothing at the microphone and nothing sent to the loudspeaker exceeds this
BANK = 512  # responses that are kept of rooms that come again, per process
ROUNDS, EXACT = 20, 0.01  # of balancing levels behind a microphone's gain control, to this many dB


class Rendering(NamedTuple):
    """The audio of a scene and the truth about its echo."""

    signals: Signals
    paths: Array  # [K, L], before and after each change: loudspeaker to microphone, with bulk delay and level


def render(scene: Scene, sources: Sources) -> Signals:
    """The five signals of a scene, float32 [duration x rate]."""
    return render_with_paths(scene, sources).signals


def render_with_paths(scene: Scene, sources: Sources) -> Rendering:
    """The signals of a scene and its true echo paths (of a movement, the first and the last).

    Levels of speech are set over active frames: near at `near_level`, the echo `ser` below it. The power of the noise
    in the whole scene is `snr` below the near end (below the echo where nobody talks near). The ratios are targets:
    they hold before the floor is added and the stages of `capture` act, and the stems have what is left of them. Where
    the microphone would clip, the stems are turned down together, which keeps the ratios. The paths do not contain the
    stages of the microphone (gain control and `capture`). Raises SourceError for a silent talker.
    """
    length = round(scene.rate * scene.duration)
    echo_paths = np.full((1, 1), np.nan, np.float32) if scene.recorded else _echo_paths(scene, sources)
    far = echo = near = noise = np.zeros(length, np.float32)
    echo_level = scene.near_level if scene.ser is None else scene.near_level - scene.ser
    echo_gain = np.float32(1)
    if scene.recorded is not None:
        far, echo = _recorded_echo(scene.recorded, scene, sources, length)
        echo = echo * _gain(echo, echo_level, scene.rate)
    elif scene.far is not None:
        far = _far_end(scene.far, scene, sources, length)
        echo = _through_room(_played(scene, sources, far), echo_paths, scene)
        echo_gain = _gain(echo, echo_level, scene.rate)
        echo = echo * echo_gain
    if scene.near is not None:
        near = convolve(_spoken(scene.near, sources.speech, length, scene), _near_path(scene, sources))
        near = near * _gain(near, scene.near_level, scene.rate)
    if scene.noise is not None and scene.snr is not None:
        noise = render_noise(scene.noise, length, scene.rate, sources.noise, sources.speech)
        noise = noise * _noise_gain(noise, (scene.near_level if scene.near else echo_level) - scene.snr)
    if scene.agc is not None:
        near, echo, noise = _automatic_gain(near, echo, noise, scene)
    if scene.floor is not None and scene.floor_snr is not None:
        floor = render_noise(scene.floor, length, scene.rate, sources.noise, sources.speech)
        noise = noise + floor * _noise_gain(floor, (scene.near_level if scene.near else echo_level) - scene.floor_snr)
    if scene.capture:
        stages = [(stage.name, stage.parameters) for stage in scene.capture]
        near, echo, noise = capture(np.stack([near, echo, noise]), stages, scene.rate)

    mic = near + echo + noise
    turn_down = min(np.float32(1), *(_headroom(x) for x in (near, echo, noise, mic)))
    if turn_down < 1:
        near, echo, noise = (x * turn_down for x in (near, echo, noise))
        mic = near + echo + noise
    held_back = np.zeros((len(echo_paths), round(scene.channel.delay * scene.rate)), np.float32)
    paths = np.concatenate([held_back, echo_paths * (echo_gain * turn_down)], axis=-1)
    kept = paths[[0, -1]] if scene.path.kind == "move" else paths
    return Rendering(Signals(mic, far, near, echo, noise), kept)


def _far_end(talker: Speech, scene: Scene, sources: Sources, length: int) -> Array:
    """The reference: speech and noise of the far end, with what its network did to them."""
    far = _spoken(talker, sources.speech if sources.far is None else sources.far, length, scene)
    far = far * _gain(far, scene.far_level, scene.rate)
    if scene.far_noise is not None and scene.far_snr is not None:
        noise = render_noise(scene.far_noise, length, scene.rate, sources.noise, sources.speech)
        far = far + noise * _noise_gain(noise, scene.far_level - scene.far_snr)
    return channel.conceal(far * min(np.float32(1), _headroom(far)), scene.channel.gaps, scene.rate)


def _recorded_echo(part: RecordedEcho, scene: Scene, sources: Sources, length: int) -> tuple[Array, Array]:
    """Far end, at its level, and echo, as they were recorded."""
    if sources.echoes is None:
        raise SourceError(f"scene {scene.id}: its echo was recorded; give the recordings with --echo")
    start = round(part.start * scene.rate)
    far, echo = (x[start : start + length] for x in sources.echoes.load(part.recording, scene.rate))
    if min(far.size, echo.size) < length or not (far.any() and echo.any()):
        raise SourceError(f"scene {scene.id}: recording {part.recording!r} is too short or silent; list it again")
    far = far * _gain(far, scene.far_level, scene.rate)
    return far * min(np.float32(1), _headroom(far)), echo


def _played(scene: Scene, sources: Sources, far: Array) -> Array:
    """Return the output of the loudspeaker: the far end at its volume through the device, by its clock, delayed."""
    rate, settings, device = scene.rate, scene.channel, scene.loudspeaker
    gains = [0.0, *(gain for _, gain in settings.volume)]
    x = channel.volume(far, gains, [time for time, _ in settings.volume], rate)
    x = devices.play(device.stages, x, rate)
    if device.measured is not None and sources.loudspeakers is not None:
        x = devices.measured(x, sources.loudspeakers.load(device.measured, rate)[0])
    if settings.drift:
        x = drift(x, settings.drift)
    delays = [settings.delay, *(delay for _, delay in settings.jumps)]
    return channel.jump(x, delays, [time for time, _ in settings.jumps], rate)


def _through_room(x: Array, paths: Array, scene: Scene) -> Array:
    if scene.path.kind == "static":
        return convolve(x, paths[0])
    if scene.path.kind == "switch":
        return channel.switch(x, paths, scene.path.times, scene.rate, scene.path.fade)
    return channel.move(x, paths, scene.path.times, scene.rate)


def _spoken(speech: Speech, source: SpeechSource, length: int, scene: Scene) -> Array:
    x = speak(source, speech, length, scene.rate)
    if not x.any():
        raise SourceError(f"scene {scene.id}: speaker {speech.speaker!r} is silent; take the files out of the source")
    return x


def _gain(x: Array, level: float, rate: int) -> np.float32:
    """The factor that brings the active frames of `x` to `level` dB; 1 for silence."""
    now = active_power(x, rate)
    return np.float32(from_decibels(level) / np.sqrt(now)) if now else np.float32(1)


def _noise_gain(noise: Array, level: float) -> np.float32:
    """The factor that brings `noise` to `level` dB."""
    return np.float32(from_decibels(level) / np.sqrt(power(noise)))


def _automatic_gain(near: Array, echo: Array, noise: Array, scene: Scene) -> tuple[Array, Array, Array]:
    """The stems behind the microphone's gain control, in front of it balanced so that behind it ser and snr hold."""
    assert scene.agc is not None
    near_in, echo_in, noise_in = near, echo, noise
    for _ in range(ROUNDS):
        gain = devices.microphone_gain(near_in + echo_in + noise_in, scene.rate, scene.agc.parameters)
        near, echo, noise = near_in * gain, echo_in * gain, noise_in * gain
        wrong = 0.0
        if scene.ser is not None and scene.near is not None:
            off = scene.ser - float(decibels(active_power(near, scene.rate) / active_power(echo, scene.rate)))
            echo_in, wrong = echo_in * np.float32(from_decibels(-off)), abs(off)
        if scene.snr is not None:
            speech_level = float(decibels(active_power(near if scene.near else echo, scene.rate)))
            factor = _noise_gain(noise, speech_level - scene.snr)
            noise_in, wrong = noise_in * factor, max(wrong, abs(2 * float(decibels(float(factor)))))
        if wrong < EXACT:
            break
    return near, echo, noise


def _headroom(x: Array) -> np.float32:
    """The largest factor that keeps `x` within PEAK."""
    peak = max(x.max(), -x.min())
    return np.float32(PEAK / peak if peak else np.inf)


def _echo_paths(scene: Scene, sources: Sources) -> Array:
    """Return impulse responses from each position of the loudspeaker to the microphone [K, L].

    Where nothing is played, a movement has only those that are stored: the first and the last one.
    """
    if isinstance(scene.room, Room):
        points = scene.room.loudspeaker, *scene.room.later
        unheard = scene.far is None and scene.path.kind == "move"
        return _simulated(scene, scene.room, (points[0], points[-1]) if unheard else points)
    return _recorded(scene, (scene.room.echo, *scene.room.later), sources)


def _near_path(scene: Scene, sources: Sources) -> Array:
    """Impulse response from the talker to the microphone [L]."""
    if isinstance(scene.room, Room):
        (path,) = _simulated(scene, scene.room, (scene.room.talker,))
    else:
        (path,) = _recorded(scene, (scene.room.near,), sources)
    return np.asarray(path)


def _simulated(scene: Scene, room: Room, points: tuple[Point, ...]) -> Array:
    comes_again = room.bank is not None and not room.later
    return (_banked if comes_again else _computed)(room, points, scene.rate, _response_length(scene))


def _computed(room: Room, points: tuple[Point, ...], rate: int, length: int) -> Array:
    engine = ENGINES[room.engine]
    microphones, air = [room.microphone], room.humidity
    return engine(room.size, points, microphones, room.absorption, rate=rate, length=length, humidity=air)[:, 0]


_banked = functools.lru_cache(maxsize=BANK)(_computed)


def _recorded(scene: Scene, files: tuple[str, ...], sources: Sources) -> Array:
    if sources.rirs is None:
        raise SourceError(f"scene {scene.id}: the room was measured; give its responses, a folder or CSV, with --rir")
    responses = np.zeros((len(files), _response_length(scene)), np.float32)
    for row, file in zip(responses, files, strict=True):
        response = sources.rirs.load(file, scene.rate)[: row.size]
        row[: response.size] = response
    return responses


def _response_length(scene: Scene) -> int:
    return round(scene.rate * scene.response)
