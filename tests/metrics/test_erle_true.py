import numpy as np
import pytest

from aecbench.metrics import score
from aecbench.metrics.erle_true import erle_true
from aecbench.signals import Signals

RATE = 16_000


@pytest.mark.parametrize("attenuation", [-3.0, 0.0, 6.5, 20.0, 60.0])
def test_is_the_attenuation_of_the_echo_whoever_else_talks(scene, attenuation):
    signals = scene()
    estimate = signals.near + signals.noise + np.float32(10 ** (-attenuation / 20)) * signals.echo
    assert score("erle_true", signals, estimate, RATE).value == pytest.approx(attenuation, abs=0.01)


def test_noise_does_not_bound_it_as_it_bounds_erle():
    t = np.arange(RATE) / RATE
    echo, noise = np.sin(2 * np.pi * 500 * t), 0.1 * np.sin(2 * np.pi * 1000 * t)
    signals = Signals(mic=echo + noise, far=echo, near=0 * echo, echo=echo, noise=noise)
    assert erle_true(signals, 0.01 * echo + noise, RATE) == pytest.approx(40, abs=0.01)
    assert score("erle", signals, 0.01 * echo + noise, RATE).value < 21


def test_near_end_that_is_taken_away_counts_like_echo_that_stays():
    t = np.arange(RATE) / RATE
    echo, near = np.sin(2 * np.pi * 500 * t), np.sin(2 * np.pi * 1000 * t)  # orthogonal, of equal power
    signals = Signals(mic=near + echo, far=echo, near=near, echo=echo, noise=0 * echo)
    for estimate in (0.9 * near, near + 0.1 * echo):
        assert erle_true(signals, estimate, RATE) == pytest.approx(20, abs=0.01)


def test_looks_at_all_frames_in_which_the_far_end_talks(scene):
    signals = scene()
    estimate = signals.mic.copy()
    estimate[round(2.7 * RATE) :] = 0  # the echo, held on for 0.2 s, ends before
    assert score("erle_true", signals, estimate, RATE).value == pytest.approx(0, abs=0.01)
    estimate[round(1.6 * RATE) :] = (signals.near + signals.noise)[round(1.6 * RATE) :]
    assert score("erle_true", signals, estimate, RATE).value > 1
    assert score("erle", signals, estimate, RATE).value == pytest.approx(0, abs=0.01)
