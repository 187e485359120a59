import numpy as np
import pytest
from scipy.signal import fftconvolve

from aecbench.dsp.convolve import convolve, convolve_channels

RNG = np.random.default_rng(3)


@pytest.mark.parametrize(("samples", "taps"), [(1, 1), (1, 50), (50, 1), (1000, 300), (300, 1000), (20_000, 4_000)])
def test_it_is_the_convolution_sum(samples, taps):
    x, response = RNG.standard_normal(samples), RNG.standard_normal(taps)
    expected = np.convolve(x, response)[:samples]
    y = convolve(x, response)
    assert y.dtype == np.float32
    np.testing.assert_allclose(y, expected, atol=1e-6 * np.abs(expected).max())


@pytest.mark.parametrize(("x", "response", "out"), [((2, 3), (), (2, 3)), ((3,), (2, 1), (2, 3)), ((), (4,), (4,))])
def test_leading_dimensions_broadcast(x, response, out):
    signals, responses = RNG.standard_normal((*x, 500)), RNG.standard_normal((*response, 70))
    y = convolve(signals, responses)
    assert y.shape == (*out, 500)
    one = convolve(np.broadcast_to(signals, y.shape)[(-1,) * len(out)], responses[(-1,) * len(response)])
    np.testing.assert_allclose(y[(-1,) * len(out)], one, atol=1e-5)


def test_silence_stays_silence():
    assert not convolve(np.zeros(1000, np.float32), RNG.standard_normal(100)).any()


def test_an_empty_signal_or_response_gives_nothing():
    assert convolve(np.zeros((2, 0)), np.ones(3)).shape == (2, 0)
    np.testing.assert_array_equal(convolve(np.ones(3), np.zeros(0)), np.zeros(3))


@pytest.mark.parametrize(("length", "taps", "start"), [(50, 7, 0), (50, 7, 3), (20_000, 129, 64), (300, 900, 10)])
def test_channels_are_sums_over_the_inputs_from_the_sample_that_is_asked_for(length, taps, start):
    rng = np.random.default_rng(0)
    x, responses = rng.standard_normal((2, length)), rng.standard_normal((2, 3, taps))
    padded = np.pad(x, ((0, 0), (0, start)))
    for k in range(3):
        expected = sum(fftconvolve(padded[m], responses[m, k]) for m in range(2))[start : start + length]
        found = convolve_channels(x, responses, start)[k]
        np.testing.assert_allclose(found, expected, atol=2e-6 * np.abs(expected).max())
