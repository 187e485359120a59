import numpy as np
import pytest

from aecbench.metrics import score
from aecbench.metrics.erle import erle
from aecbench.signals import Signals

RATE = 16_000


def echo_only(echo: np.ndarray, noise: np.ndarray) -> Signals:
    return Signals(mic=echo + noise, far=echo, near=0 * echo, echo=echo, noise=noise)


@pytest.mark.parametrize("attenuation", [-3.0, 0.0, 6.5, 20.0, 60.0])
def test_is_the_attenuation_of_an_echo(attenuation):
    echo = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    scene = echo_only(echo, 0 * echo)
    estimate = (scene.mic * 10 ** (-attenuation / 20)).astype(np.float32)
    assert erle(scene, estimate, RATE) == pytest.approx(attenuation, abs=0.01)


def test_noise_that_stays_bounds_it():
    t = np.arange(RATE) / RATE
    echo, noise = np.sin(2 * np.pi * 500 * t), 0.1 * np.sin(2 * np.pi * 1000 * t)  # orthogonal, 20 dB apart
    scene = echo_only(echo, noise)
    assert erle(scene, noise, RATE) == pytest.approx(10 * np.log10(101), abs=0.01)


def test_counts_only_the_frames_in_which_the_far_end_talks_alone(scene):
    signals = scene()
    estimate = signals.mic.copy()
    estimate[: round(1.6 * RATE)] *= 0.1
    assert score("erle", signals, estimate, RATE).value == pytest.approx(20, abs=0.01)
