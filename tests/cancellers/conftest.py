"""Audio to cancel, made here: talkers of coloured, modulated noise in rooms of decaying noise."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.signal import fftconvolve, lfilter

from aecbench.signals import Signals

RATE = 16_000


def make_talker(seconds: float, seed: int) -> np.ndarray:
    """Noise with the spectrum, the syllables and the pauses of speech, about -26 dBFS. Float32 [T]."""
    rng = np.random.default_rng(seed)
    samples = round(seconds * RATE)
    syllable = 3200
    level = rng.choice([0, 0.1, 0.3, 0.6, 1], size=samples // syllable + 2)
    envelope = np.convolve(np.repeat(level, syllable), np.hanning(syllable) / (syllable / 2), "valid")[:samples]
    x = lfilter([1], [1, -0.9], rng.normal(size=samples)) * envelope
    return (0.05 * x / np.std(x)).astype(np.float32)


def make_room(rt60: float, seed: int, taps: int = 6400) -> np.ndarray:
    """Impulse response of a direct sound and a tail that falls by 60 dB in `rt60` seconds; its energy is 1."""
    rng = np.random.default_rng(seed)
    h = 0.1 * rng.normal(size=taps) * 10 ** (-3 * np.arange(taps) / (rt60 * RATE))
    h[:40] = 0
    h[40] = 1
    return h / np.linalg.norm(h)


def echo_of(far: np.ndarray, room: np.ndarray) -> np.ndarray:
    return fftconvolve(far, room)[: far.size].astype(np.float32)


def make_scene(
    seconds: float, *, seed: int = 0, rt60: float = 0.2, near: tuple[float, float] | None = None, noise: float = 0.0
) -> Signals:
    """An echo at -26 dBFS, near-end speech as loud during `near` seconds, and white noise of that amplitude."""
    far = make_talker(seconds, 3 * seed)
    echo = echo_of(far, make_room(rt60, seed))
    echo *= 0.05 / np.std(echo)
    time = np.arange(far.size) / RATE
    start, end = near or (0, 0)
    speech = make_talker(seconds, 3 * seed + 1) * ((time >= start) & (time < end))
    hiss = (noise * np.random.default_rng(3 * seed + 2).normal(size=far.size)).astype(np.float32)
    return Signals(mic=echo + speech + hiss, far=far, near=speech, echo=echo, noise=hiss)


def reduction(before: np.ndarray, after: np.ndarray, start: float, end: float) -> float:
    """10 log10 of the power before over the power after, in the seconds from start to end."""
    span = np.s_[round(start * RATE) : round(end * RATE)]
    return float(10 * np.log10(np.mean(np.square(before[span])) / np.mean(np.square(after[span]))))


@pytest.fixture(scope="session")
def talker() -> Callable[..., np.ndarray]:
    return make_talker


@pytest.fixture(scope="session")
def room() -> Callable[..., np.ndarray]:
    return make_room


@pytest.fixture(scope="session")
def scene() -> Callable[..., Signals]:
    return make_scene


@pytest.fixture(scope="session")
def erle() -> Callable[..., float]:
    return reduction
