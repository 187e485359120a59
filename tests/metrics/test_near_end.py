"""What happens to the near end: attenuation in double talk, log-spectral distance, and the level of what is left."""

import numpy as np
import pytest
from scipy.signal import butter, lfilter

from aecbench.metrics import score
from aecbench.metrics.lsd import RANGE, lsd
from aecbench.metrics.near_attenuation import near_attenuation
from aecbench.metrics.residual_level import residual_level
from aecbench.signals import Signals

RATE = 16_000


def of_near(near: np.ndarray) -> Signals:
    return Signals(mic=near, far=0 * near, near=near, echo=0 * near, noise=0 * near)


@pytest.mark.parametrize("attenuation", [-6.0, 0.0, 12.0, 40.0])
def test_attenuation_of_the_near_end_is_seen_through_echo_that_is_left(scene, attenuation):
    signals = scene()
    estimate = np.float32(10 ** (-attenuation / 20)) * (signals.near + 0.03 * signals.echo)
    assert score("near_attenuation", signals, estimate, RATE).value == pytest.approx(attenuation, abs=0.2)


def test_attenuation_forgives_a_delay(speech):
    near = speech(0, 2)
    assert near_attenuation(of_near(near), 0.5 * np.pad(near, (100, 0))[:-100], RATE) == pytest.approx(6.02, abs=0.1)


def test_a_gate_that_is_open_half_of_the_time_halves_the_amplitude():
    near = np.random.default_rng(0).standard_normal(4 * RATE)
    gate = np.arange(near.size) // (RATE // 10) % 2
    assert near_attenuation(of_near(near), gate * near, RATE) == pytest.approx(6.02, abs=0.1)


def test_an_output_without_near_end_is_some_decibels_down_and_no_more(speech):
    near, other = speech(0, 4), speech(1, 4)
    assert 10 < near_attenuation(of_near(near), other, RATE) < 30


def test_distance_of_a_gain_is_the_gain_where_nothing_is_at_the_floor():
    near = np.random.default_rng(0).standard_normal(4 * RATE)
    assert lsd(of_near(near), 10 ** (3 / 20) * near, RATE) == pytest.approx(3, abs=1e-3)


def test_distance_of_a_filter_is_the_root_mean_square_of_its_response():
    near = np.random.default_rng(0).standard_normal(4 * RATE)
    b, a = butter(1, 2000, fs=RATE)
    response = np.fft.rfft(b, 512) / np.fft.rfft(a, 512)
    inside = 20 * np.log10(np.maximum(np.abs(response), 1e-2))
    expected = np.sqrt(np.mean(inside**2))
    assert lsd(of_near(near), lfilter(b, a, near), RATE) == pytest.approx(expected, rel=0.05)


def test_distance_ends_50_db_below_the_loudest_bin(speech):
    near = speech(0, 2)
    silent, quiet = (lsd(of_near(near), g * near, RATE) for g in (0, 1e-6))
    assert silent == quiet < RANGE
    hiss = 1e-5 * np.random.default_rng(0).standard_normal(near.size)
    assert lsd(of_near(near), near + hiss, RATE) < 0.1


def test_near_end_single_talk_alone_counts_for_the_distance(scene):
    signals = scene()
    assert score("lsd", signals, np.where(signals.echo != 0, 0, signals.mic), RATE).value < 10
    value = score("lsd", signals, signals.near, RATE).value
    assert value == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("level", [-60.0, -20.0, 0.0])
def test_the_level_of_the_residual_is_its_mean_square(scene, level):
    noise = np.random.default_rng(0).standard_normal(4 * RATE)
    estimate = noise / np.sqrt(np.mean(noise**2)) * 10 ** (level / 20)
    assert residual_level(of_near(noise), estimate, RATE) == pytest.approx(level, abs=0.01)
    assert score("residual_level", scene(), estimate, RATE).value == pytest.approx(level, abs=0.2)
