"""Audio for the tests of the metrics: voiced syllables made here, so no file and no licence is needed."""

import numpy as np
import pytest
from scipy.signal import lfilter

from aecbench.signals import Signals

RATE = 16_000


def make_speech(seed: int, seconds: float, rate: int = RATE) -> np.ndarray:
    """Syllables of 200 ms: a gliding harmonic tone through two formants, or hiss, at random levels. Float32 [T]."""
    rng = np.random.default_rng(seed)
    syllable = round(0.2 * rate)
    pieces = []
    while len(pieces) * syllable < seconds * rate:
        pitch = rng.uniform(90, 220) * np.linspace(1, rng.uniform(0.8, 1.2), syllable)
        source = np.diff(np.cumsum(pitch / rate) % 1, prepend=0) + 0.05 * rng.standard_normal(syllable)
        if rng.random() < 0.25:
            source = 0.2 * rng.standard_normal(syllable)
        for formant in (rng.uniform(300, 900), rng.uniform(900, 2800)):
            radius = np.exp(-np.pi * 100 / rate)
            source = lfilter([1], [1, -2 * radius * np.cos(2 * np.pi * formant / rate), radius**2], source)
        pieces.append(source * np.hanning(syllable) * rng.uniform(0.2, 1))
    x = np.concatenate(pieces)[: round(seconds * rate)]
    return (0.1 * x / np.std(x)).astype(np.float32)


def make_scene(seed: int = 0, rate: int = RATE, *, far: bool = True, near: bool = True) -> Signals:
    """4 s: the far end talks in 0 ... 2.4, the near end in 1.6 ... 2.8 and 3.3 ... 4, or one is silent. Read-only."""
    x, s = (make_speech(2 * seed + k, 4, rate) for k in (0, 1))
    t = np.arange(x.size) / rate
    x[t >= 2.4] = 0
    s[(t < 1.6) | ((t >= 2.8) & (t < 3.3))] = 0
    x, s = x * far, s * near
    echo = lfilter(0.5 * 0.9 ** np.arange(40), [1], np.pad(x, (80, 0))[:-80]).astype(np.float32)
    noise = (1e-3 * np.random.default_rng(seed).standard_normal(x.size)).astype(np.float32)
    signals = Signals(mic=s + echo + noise, far=x, near=s, echo=echo, noise=noise)
    for stem in signals:
        stem.flags.writeable = False
    return signals


@pytest.fixture(scope="session")
def speech():
    """`speech(seed, seconds)`: float32 [T] at 16 kHz."""
    return make_speech


@pytest.fixture(scope="session")
def scene():
    """`scene(seed, rate, far=..., near=...)`: read-only Signals [T] of 4 s."""
    return make_scene
