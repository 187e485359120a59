import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aecbench.metrics.si_sdr import si_sdr
from aecbench.signals import Signals

RATE = 16_000
N = 1024


def of_near(near: np.ndarray) -> Signals:
    return Signals(mic=near, far=0 * near, near=near, echo=0 * near, noise=0 * near)


@given(st.floats(-80, 80), st.floats(0.01, 100))
def test_with_an_orthogonal_error_it_is_the_power_ratio(ratio, gain):
    t = np.arange(N) / N
    near, error = np.sin(2 * np.pi * 8 * t), np.cos(2 * np.pi * 21 * t)  # orthogonal, of equal power
    estimate = gain * (near + 10 ** (-ratio / 20) * error)
    assert si_sdr(of_near(near), estimate, RATE) == pytest.approx(ratio, abs=1e-6)


@given(
    arrays(np.float64, 64, elements=st.floats(-1, 1)),
    st.floats(1e-6, 1e6),
    st.sampled_from([-1, 1]),
)
def test_the_scale_of_estimate_and_reference_changes_nothing(error, gain, sign):
    near = np.random.default_rng(0).standard_normal(64)
    estimate = near + error + 0.1 * near[::-1]
    expected = si_sdr(of_near(near), estimate, RATE)
    assert si_sdr(of_near(near), sign * gain * estimate, RATE) == pytest.approx(expected, abs=1e-6)
    assert si_sdr(of_near(sign * gain * near), estimate, RATE) == pytest.approx(expected, abs=1e-6)


def test_a_delay_of_one_sample_is_distortion():
    near = np.random.default_rng(0).standard_normal(RATE)
    assert si_sdr(of_near(near), np.roll(near, 1), RATE) < -20
