import numpy as np
import pytest

from aecbench.dsp.fourier import SHORTEST, WIDTH, forward, frequencies, inverse


def signal(length: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(length).astype(np.float32)


def complex_spectrum(spectrum: np.ndarray) -> np.ndarray:
    return spectrum[..., :WIDTH] + 1j * spectrum[..., WIDTH:]


@pytest.mark.parametrize("length", [SHORTEST, 2 * SHORTEST, 4 * SHORTEST, 32 * SHORTEST])
def test_a_spectrum_is_that_of_numpy_in_the_order_of_its_frequencies(length):
    x, y = signal(length, 1), signal(length, 2)
    expected = np.fft.fft(x.astype(np.float64) + 1j * y)[frequencies(length)]
    found = complex_spectrum(forward(x, y))
    assert np.abs(found - expected).max() < 1e-6 * np.abs(expected).max()


@pytest.mark.parametrize("length", [SHORTEST, 2 * SHORTEST, 16 * SHORTEST])
def test_the_inverse_gives_the_signal_back_times_its_length(length):
    x, y = signal(length, 3), signal(length, 4)
    real, imaginary = inverse(forward(x, y))
    np.testing.assert_allclose(real / length, x, atol=3e-6)
    np.testing.assert_allclose(imaginary / length, y, atol=3e-6)


def test_every_frequency_is_there_once():
    assert np.array_equal(np.sort(frequencies(2 * SHORTEST).ravel()), np.arange(2 * SHORTEST))
