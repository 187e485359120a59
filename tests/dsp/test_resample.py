import numpy as np
import pytest

from aecbench.dsp.resample import interleaved, kaiser, oversampled, resample, undersampled

RATES = [(44_100, 16_000), (22_050, 16_000), (48_000, 16_000), (8_000, 16_000), (16_000, 48_000), (16_000, 11_025)]
EDGE = 2000  # samples at either end, where the filter sees that the tone starts and stops


def tone(frequency: float, rate: int, seconds: float = 1.0) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate + 0.3).astype(np.float32)


def level(x: np.ndarray) -> float:
    """Level of a signal re that of a tone of amplitude 1 [dB]."""
    return float(10 * np.log10(2 * np.mean(np.square(x, dtype=np.float64))))


@pytest.mark.parametrize(("rate", "to"), RATES)
@pytest.mark.parametrize("share", [0.05, 0.5, 0.88])
def test_a_tone_in_the_band_stays_what_it_was(rate, to, share):
    frequency = share * min(rate, to) / 2
    found, expected = resample(tone(frequency, rate), rate, to), tone(frequency, to)
    assert found.dtype == np.float32
    assert found.size == expected.size
    assert level((found - expected)[EDGE:-EDGE]) < -94


@pytest.mark.parametrize(("rate", "to"), [pair for pair in RATES if pair[0] > pair[1]])
def test_a_tone_above_the_new_band_is_gone(rate, to):
    assert level(resample(tone(1.02 * to / 2, rate), rate, to)[EDGE:-EDGE]) < -94


def test_the_length_is_that_of_the_duration_rounded_up():
    assert [resample(np.ones(n, np.float32), 44_100, 16_000).size for n in (1, 3, 441, 442)] == [1, 2, 160, 161]


def test_the_same_rate_changes_nothing():
    x = tone(440, 16_000)
    assert np.array_equal(resample(x, 16_000, 16_000), x)


def test_oversampling_reads_the_signal_between_its_samples_and_undersampling_takes_it_back():
    x = tone(3000, 16_000)
    dense = oversampled(x, 4)
    assert level((interleaved(dense) - tone(3000, 64_000))[4 * EDGE : -4 * EDGE]) < -94
    assert level((undersampled(dense) - x)[EDGE:-EDGE]) < -94


def test_the_kaiser_window_is_that_of_numpy():
    np.testing.assert_allclose(kaiser(np.linspace(-1, 1, 65), 8.5), np.kaiser(65, 8.5), rtol=1e-12)
    assert kaiser(np.array([-1.1, 1.1]), 8.5).tolist() == [0, 0]
