"""The script that people write today, for comparison: a room of pyroomacoustics per scene, scipy, five WAV files.

It makes the scenes that aecbench draws, as far as such scripts go: same rooms, talkers, noises and levels, loudspeakers
without oversampling, levels over the whole signal.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyroomacoustics as pra
import soundfile
from scipy.signal import fftconvolve, resample_poly
from scipy.special import erf

from aecbench.scenes.scene import Noise, Room, Scene, Speech
from aecbench.signals import STEMS, Array

__all__ = ["images_order", "simulate"]

SPEED_OF_SOUND = 343.0
WALLS = ("west", "east", "south", "north", "floor", "ceiling")
LOUDSPEAKERS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "hard_clip": lambda x: np.clip(x, -0.8, 0.8),
    "soft_clip": lambda x: 0.8 * x / np.sqrt(0.64 + x**2),
    "scaled_erf": lambda x: np.sqrt(np.pi / 2) * erf(x / np.sqrt(2)),
    "zhang_wang": lambda x: sigmoid(1.5 * np.clip(x, -0.8, 0.8) - 0.3 * np.clip(x, -0.8, 0.8) ** 2),
    "polynomial": lambda x: x + 0.1 * x**2 - 0.1 * x**3,
}

Find = Callable[[str], Path]  # the file of a key


def simulate(scene: Scene, speech: Find, noises: Find, folder: Path) -> None:
    """Write the five signals of a scene as WAV files. `speech` and `noises` find the files that the scene names."""
    assert isinstance(scene.room, Room)
    length = round(scene.rate * scene.duration)
    echo_path, near_path = responses(scene.room, scene.rate)
    far = scaled(spoken(scene.far, speech, length, scene.rate), scene.far_level)
    played = LOUDSPEAKERS[scene.loudspeaker.model](far / max(abs(far).max(), 1e-9))
    echo = fftconvolve(np.pad(played, (round(scene.channel.delay * scene.rate), 0)), echo_path)[:length]
    near = fftconvolve(spoken(scene.near, speech, length, scene.rate), near_path)[:length]
    near = scaled(near, scene.near_level)
    echo = scaled(echo, scene.near_level - (scene.ser or 0))
    loudness = scene.near_level if scene.near else scene.near_level - (scene.ser or 0)
    noise = scaled(background(scene.noise, speech, noises, length, scene.rate), loudness - (scene.snr or 0))
    stems = {"mic": near + echo + noise, "far": far, "near": near, "echo": echo, "noise": noise}
    peak = max(1, *(abs(stem).max() for stem in stems.values()))
    for name in STEMS:
        soundfile.write(folder / f"{scene.index:06d}_{name}.wav", stems[name] / peak, scene.rate)


def responses(room: Room, rate: int) -> tuple[Array, Array]:
    """From the loudspeaker and from the talker to the microphone."""
    materials = {wall: pra.Material(bands[0]) for wall, bands in zip(WALLS, room.absorption, strict=True)}
    order = images_order(room.rt60, room.size)
    shoebox = pra.ShoeBox(room.size, fs=rate, materials=materials, max_order=order)
    shoebox.add_source(room.loudspeaker)
    shoebox.add_source(room.talker)
    shoebox.add_microphone(room.microphone)
    shoebox.compute_rir()
    return shoebox.rir[0][0], shoebox.rir[0][1]


def images_order(rt60: float, size: tuple[float, float, float]) -> int:
    """The order that `pyroomacoustics.inverse_sabine` advises: images for as long as the reverberation lasts."""
    x, y, z = size
    nearest = min(x * y / np.hypot(x, y), x * z / np.hypot(x, z), y * z / np.hypot(y, z))
    return int(np.ceil(SPEED_OF_SOUND * rt60 / nearest - 1))


def spoken(talker: Speech | None, find: Find, length: int, rate: int) -> Array:
    """The utterances of a talker, one after the other, wherever the talker has the floor."""
    x = np.zeros(length)
    if talker is not None:
        said = np.concatenate([read(find(key), rate) for key in talker.utterances])
        for start, stop in talker.spans:
            begin, end = round(start * rate), min(round(stop * rate), length)
            x[begin:end] = np.resize(said, end - begin)
    return x


def background(noise: Noise | None, speech: Find, noises: Find, length: int, rate: int) -> Array:
    """A recording, babble or white noise."""
    if noise is None:
        return np.zeros(length)
    if noise.file is not None:
        return np.resize(read(noises(noise.file), rate)[round(noise.start * rate) :], length)
    if noise.voices:
        return np.sum([spoken(voice, speech, length, rate) for voice in noise.voices], axis=0)
    return np.random.default_rng(noise.seed).standard_normal(length)


def read(path: Path, rate: int) -> Array:
    """The first channel of a file."""
    x, stored = soundfile.read(path, always_2d=True)
    return x[:, 0] if stored == rate else resample_poly(x[:, 0], rate, stored)


def scaled(x: Array, level: float) -> Array:
    """The signal at `level` dB."""
    return x * 10 ** (level / 20) / max(np.sqrt(np.mean(x**2)), 1e-9)


def sigmoid(x: Array) -> Array:
    """The loudspeaker of Zhang and Wang, 2018."""
    return 4 * (2 / (1 + np.exp(-np.where(x > 0, 4, 0.5) * x)) - 1)
