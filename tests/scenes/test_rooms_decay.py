import numpy as np
import pytest

from aecbench.scenes.rooms import measured_rt60


def noise_decay(rt60, rate, duration):
    time = np.arange(round(rate * duration)) / rate
    return np.random.default_rng(0).standard_normal(len(time)) * 10 ** (-3 * time / rt60)


@pytest.mark.parametrize("rate", [8_000, 16_000, 48_000])
@pytest.mark.parametrize("rt60", [0.2, 0.6, 1.3])
def test_the_decay_of_noise_is_measured(rt60, rate):
    assert measured_rt60(noise_decay(rt60, rate, 1.5 * rt60), rate) == pytest.approx(rt60, rel=0.05)


def test_a_response_cut_off_at_half_its_decay_measures_the_same():
    assert measured_rt60(noise_decay(1.0, 16_000, 0.5), 16_000) == pytest.approx(1.0, rel=0.05)


def test_a_loud_direct_sound_does_not_count():
    response = noise_decay(0.5, 16_000, 1.0)
    response[0] = 1000
    assert measured_rt60(response, 16_000) == pytest.approx(0.5, rel=0.05)


def test_hum_below_the_octave_bands_does_not_count():
    response = noise_decay(0.5, 16_000, 1.0)
    hum = 3 * np.sin(2 * np.pi * 10 * np.arange(len(response)) / 16_000)
    assert measured_rt60(response + hum, 16_000) == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize(
    "response",
    [np.zeros(1000), np.eye(1, 1000)[0], noise_decay(1.0, 16_000, 0.3), noise_decay(1e6, 16_000, 1.0), np.ones(1)],
    ids=["silence", "direct sound only", "cut off", "noise", "one sample"],
)
def test_too_little_decay_is_nan(response):
    assert np.isnan(measured_rt60(response, 16_000))
