import numpy as np
import pytest
import scipy.signal

from aecbench.contract.test_noises import *  # noqa: F403
from aecbench.scenes.noise import NOISES
from aecbench.scenes.noise.synthetic import LTASS, device, pink, speech_shaped, white

HUM = 50, 100, 150, 60, 120, 180  # [Hz]


@pytest.fixture(params=sorted(NOISES))
def name(request):
    return request.param


@pytest.fixture(params=sorted(NOISES))
def kind(request):
    return NOISES[request.param]


def band_levels(x, rate, centres, width):
    """Levels [dB] in bands of `width` octaves."""
    f, density = scipy.signal.welch(x.astype(np.float64), rate, nperseg=16_384)
    edge = 2 ** (width / 2)
    return np.array([10 * np.log10(density[(f >= c / edge) & (f < c * edge)].sum()) for c in centres])


@pytest.mark.parametrize("length", [1, 7, 160_000, 16_007])
def test_power_is_one(kind, length):
    x = kind(np.random.default_rng(0), length, 16_000)
    assert (x.shape, x.dtype) == ((length,), np.float32)
    assert np.mean(np.square(x, dtype=np.float64)) == pytest.approx(1, abs=1e-6)


def test_no_samples_are_no_samples(kind):
    assert kind(np.random.default_rng(0), 0, 16_000).shape == (0,)


def test_noise_is_given_by_the_generator(kind):
    one, same, other = (kind(np.random.default_rng(seed), 1000, 16_000) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_white_noise_is_flat():
    levels = band_levels(white(np.random.default_rng(0), 1_600_000, 16_000), 16_000, [500, 1000, 2000, 4000], 1)
    np.testing.assert_allclose(np.diff(levels), 10 * np.log10(2), atol=0.2)


def test_pink_noise_has_equal_power_in_every_octave():
    levels = band_levels(
        pink(np.random.default_rng(0), 1_600_000, 16_000), 16_000, [125, 250, 500, 1000, 2000, 4000], 1
    )
    assert np.ptp(levels) < 0.4


def test_speech_shaped_noise_has_the_third_octave_levels_of_speech():
    centre, level = np.array([(f, level) for f, level in LTASS if 200 <= f <= 12_500]).T
    measured = band_levels(speech_shaped(np.random.default_rng(0), 4_800_000, 48_000), 48_000, centre, 1 / 3)
    difference = measured - level
    assert np.abs(difference - difference.mean()).max() < 1.0


def test_the_bands_of_speech_add_up_to_its_level():
    assert 10 * np.log10(sum(10 ** (level / 10) for _, level in LTASS)) == pytest.approx(70, abs=0.5)


def test_the_floor_of_a_device_falls_by_a_power_of_the_frequency_that_differs():
    slopes = []
    for seed in range(12):
        x = device(np.random.default_rng(seed), 160_000, 16_000)
        density = band_levels(x, 16_000, [500, 1000, 2000, 4000], 1) - 10 * np.log10([500, 1000, 2000, 4000])
        slopes.append(-np.diff(density) / (10 * np.log10(2)))
    np.testing.assert_allclose(np.ptp(slopes, axis=1), 0, atol=0.4)  # the same in every octave
    assert 0.1 < np.mean(slopes, axis=1).min() < 0.6
    assert 1.6 < np.mean(slopes, axis=1).max() < 2.1


def test_the_floor_of_a_device_hums_at_multiples_of_50_or_60_hz():
    spectra = [np.abs(np.fft.rfft(device(np.random.default_rng(seed), 160_000, 16_000))) ** 2 for seed in range(12)]
    heard = [[x[10 * f - 1 : 10 * f + 2].max() / np.median(x[10 * f - 80 : 10 * f + 80]) for f in HUM] for x in spectra]
    fifty, sixty = np.max(np.reshape(heard, (12, 2, 3)), axis=2).T > 25
    assert np.mean(fifty | sixty) > 0.7
    assert not (fifty & sixty).any()
