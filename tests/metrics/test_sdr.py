import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aecbench.metrics.sdr import TAPS, sdr
from aecbench.signals import Signals

RATE = 16_000


def of_near(near: np.ndarray) -> Signals:
    return Signals(mic=near, far=0 * near, near=near, echo=0 * near, noise=0 * near)


def by_least_squares(near: np.ndarray, estimate: np.ndarray) -> float:
    """The definition: project the estimate on 512 delayed copies of the reference."""
    delayed = np.zeros((near.size + TAPS - 1, TAPS))
    for tap in range(TAPS):
        delayed[tap : tap + near.size, tap] = near
    padded = np.pad(estimate.astype(np.float64), (0, TAPS - 1))
    target = delayed @ np.linalg.lstsq(delayed, padded, rcond=None)[0]
    return 10 * np.log10(np.sum(target**2) / np.sum((target - padded) ** 2))


@pytest.mark.parametrize("level", [1.0, 0.1, 1e-3])
def test_equals_an_explicit_projection_on_the_delayed_references(speech, level):
    near = speech(0, 0.4)
    estimate = np.convolve(near, [0.5, 0.3, -0.4])[: near.size] + level * speech(1, 0.4)
    assert sdr(of_near(near), estimate, RATE) == pytest.approx(by_least_squares(near, estimate), abs=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, TAPS))
def test_any_filter_of_512_taps_on_the_reference_is_no_distortion(seed, taps):
    rng = np.random.default_rng(seed)
    near = np.pad(rng.standard_normal(4000), (0, TAPS))  # the tail of the filter must fit
    filtered = np.convolve(near, rng.standard_normal(taps))[: near.size]
    assert sdr(of_near(near), filtered, RATE) > 150


def test_a_delay_beyond_the_filter_is_distortion():
    near = np.pad(np.random.default_rng(0).standard_normal(RATE), (0, TAPS))
    assert sdr(of_near(near), np.roll(near, TAPS - 1), RATE) > 150
    assert sdr(of_near(near), np.roll(near, TAPS), RATE) < -10


@pytest.mark.parametrize("seconds", [0.3, 10])
def test_a_near_end_that_is_all_but_a_drift_does_not_break_it(seconds):
    """Its correlation matrix is singular to double precision; without loading the recursion diverges."""
    near = np.hanning(round(seconds * RATE)) ** 2
    noise = np.random.default_rng(0).standard_normal(near.size)
    noise *= 0.1 * np.sqrt(np.mean(near**2) / np.mean(noise**2))
    assert sdr(of_near(near), near + noise, RATE) == pytest.approx(20, abs=0.3)


def test_the_scale_of_the_estimate_changes_nothing(speech):
    near, estimate = speech(0, 1), speech(0, 1) + speech(1, 1)
    expected = sdr(of_near(near), estimate, RATE)
    for gain in (-1e-4, 1e6):
        assert sdr(of_near(near), np.float32(gain) * estimate, RATE) == pytest.approx(expected, abs=1e-4)
