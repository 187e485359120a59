"""Synthetic audio for the tests, so that no files and licences are needed."""

import functools

import numpy as np

from aecbench.dsp.convolve import convolve
from aecbench.dsp.recursive import filtered
from aecbench.signals import Array, Signals

__all__ = [
    "RATE",
    "echo_of",
    "make_dialogue",
    "make_room",
    "make_scene",
    "make_speech",
    "make_talker",
    "make_voice",
]

RATE = 16_000


def make_talker(seconds: float, seed: int) -> Array:
    """Return noise with the spectrum, syllables and pauses of speech, at about -26 dBFS: float32 [T]."""
    rng = np.random.default_rng(seed)
    samples = round(seconds * RATE)
    syllable = 3200
    level = rng.choice([0, 0.1, 0.3, 0.6, 1], size=samples // syllable + 2)
    smooth = convolve(np.repeat(level, syllable), np.hanning(syllable) / (syllable / 2))
    x = filtered([([1.0], [1.0, -0.9])], rng.normal(size=samples)) * smooth[syllable - 1 :][:samples]
    return (0.05 * x / np.std(x)).astype(np.float32)


def make_room(rt60: float, seed: int, taps: int = 6400) -> Array:
    """Return an impulse response [taps] with a direct sound and a tail that decays by 60 dB in `rt60` s; energy 1."""
    rng = np.random.default_rng(seed)
    h = 0.1 * rng.normal(size=taps) * 10 ** (-3 * np.arange(taps) / (rt60 * RATE))
    h[:40] = 0
    h[40] = 1
    return h / np.linalg.norm(h)


def echo_of(far: Array, room: Array) -> Array:
    """Return the echo of `far` [T] at the microphone in a room: float32 [T]."""
    return convolve(far, room)


def make_scene(
    seconds: float, *, seed: int = 0, rt60: float = 0.2, near: tuple[float, float] | None = None, noise: float = 0.0
) -> Signals:
    """Return a scene: an echo at -26 dBFS, equally loud near-end speech during `near` [s], white noise."""
    return Signals(*(x.copy() for x in _scene(seconds, seed, rt60, near, noise)))


@functools.lru_cache(32)
def _scene(seconds: float, seed: int, rt60: float, near: tuple[float, float] | None, noise: float) -> Signals:
    far = make_talker(seconds, 3 * seed)
    echo = echo_of(far, make_room(rt60, seed))
    echo *= 0.05 / np.std(echo)
    time = np.arange(far.size) / RATE
    start, end = near or (0, 0)
    speech = make_talker(seconds, 3 * seed + 1) * ((time >= start) & (time < end))
    hiss = (noise * np.random.default_rng(3 * seed + 2).normal(size=far.size)).astype(np.float32)
    return Signals(mic=echo + speech + hiss, far=far, near=speech, echo=echo, noise=hiss)


def make_speech(seed: int, seconds: float, rate: int = RATE) -> Array:
    """Return syllables of 200 ms: a gliding harmonic tone with two formants, or noise, at random levels: float32."""
    rng = np.random.default_rng(seed)
    syllable = round(0.2 * rate)
    pieces: list[Array] = []
    while len(pieces) * syllable < seconds * rate:
        pitch = rng.uniform(90, 220) * np.linspace(1, rng.uniform(0.8, 1.2), syllable)
        source: Array = np.diff(np.cumsum(pitch / rate) % 1, prepend=0) + 0.05 * rng.standard_normal(syllable)
        if rng.random() < 0.25:
            source = 0.2 * rng.standard_normal(syllable)
        for formant in (rng.uniform(300, 900), rng.uniform(900, 2800)):
            radius = np.exp(-np.pi * 100 / rate)
            pole_pair = [1.0, -2 * radius * np.cos(2 * np.pi * formant / rate), radius**2]
            source = filtered([([1.0], pole_pair)], source)
        pieces.append(source * np.hanning(syllable) * rng.uniform(0.2, 1))
    x = np.concatenate(pieces)[: round(seconds * rate)]
    return np.asarray(0.1 * x / np.std(x), np.float32)


@functools.cache
def make_dialogue(seed: int = 0, rate: int = RATE, *, far: bool = True, near: bool = True) -> Signals:
    """Return 4 s in which the far end talks in 0 ... 2.4 s and the near end in 1.6 ... 2.8 and 3.3 ... 4 s.

    Without `far` or `near`, that end is silent. The arrays are read-only.
    """
    x, s = (make_speech(2 * seed + k, 4, rate) for k in (0, 1))
    t = np.arange(x.size) / rate
    x[t >= 2.4] = 0
    s[(t < 1.6) | ((t >= 2.8) & (t < 3.3))] = 0
    x, s = x * far, s * near
    echo = np.convolve(np.pad(x, (80, 0))[:-80], 0.5 * 0.9 ** np.arange(40))[: x.size].astype(np.float32)
    noise = (1e-3 * np.random.default_rng(seed).standard_normal(x.size)).astype(np.float32)
    signals = Signals(mic=s + echo + noise, far=x, near=s, echo=echo, noise=noise)
    for stem in signals:
        stem.flags.writeable = False
    return signals


def make_voice() -> Array:
    """Return 2 s of harmonics of a gliding pitch in syllables of 200 ms, with a peak of 1 and silence at the end."""
    seconds = 2
    t = np.arange(seconds * RATE) / RATE
    phase = 2 * np.pi * np.cumsum(120 + 30 * np.sin(2 * np.pi * 0.7 * t)) / RATE
    voice = sum(np.cos(k * phase + k * k) / k for k in range(1, 25))
    x = voice * np.sin(np.pi * t / 0.4) ** 2 * (t < seconds - 0.4)
    return np.asarray(x / np.abs(x).max(), np.float32)
