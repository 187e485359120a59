import numpy as np
import pytest
from scipy.signal import butter, freqz, lfilter, sosfilt

from aecbench.dsp.recursive import band_pass, butterworth_high_pass, filtered, high_pass, inverse_shelf, low_pass, shelf

RATE = 16_000


@pytest.fixture
def x():
    return np.random.default_rng(0).standard_normal((2, 3000))


def gain(section, frequency: float) -> float:
    return float(abs(freqz(*section, [frequency], fs=RATE)[1][0]))


@pytest.mark.parametrize("make", [high_pass, band_pass, low_pass])
def test_a_section_filters_as_scipy_does(make, x):
    section = make(700.0, 1.4, RATE)
    np.testing.assert_allclose(filtered([section], x), lfilter(*section, x, axis=-1), atol=1e-11)


def test_single_precision_is_computed_in_double_and_kept_as_it_was(x):
    section = low_pass(90.0, 0.7071, RATE)
    single = x.astype(np.float32)
    found = filtered([section, section], single)
    assert found.dtype == np.float32
    expected = lfilter(*section, lfilter(*section, single.astype(np.float64), axis=-1), axis=-1)
    np.testing.assert_array_equal(found, expected.astype(np.float32))


@pytest.mark.parametrize("order", [2, 4, 6])
def test_the_butterworth_high_pass_is_that_of_scipy(order, x):
    expected = sosfilt(butter(order, 88.4, "highpass", fs=RATE, output="sos"), x, axis=-1)
    np.testing.assert_allclose(filtered(butterworth_high_pass(order, 88.4, RATE), x), expected, atol=1e-9)


def test_a_shelf_and_its_inverse_undo_each_other(x):
    pair = [shelf(300.0, 4.0, RATE), inverse_shelf(300.0, 4.0, RATE)]
    np.testing.assert_allclose(filtered(pair, x), x, atol=1e-11)
    assert gain(pair[0], 1.0) == pytest.approx(4.0, rel=1e-3)
    assert gain(pair[0], 7999.0) == pytest.approx(1.0, rel=1e-3)
