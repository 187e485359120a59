"""The contract of every kind of synthetic noise."""

import numpy as np
import pytest

from aecbench.contract.audio import RATE
from aecbench.scenes.noise import TABLE


@pytest.fixture(params=TABLE.offered)
def name(request):
    return request.param


def made(name, length=RATE, rate=RATE, seed=0):
    return TABLE.find(name)(np.random.default_rng(seed), length, rate)


@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
@pytest.mark.parametrize("seconds", [0.1, 3.7])
def test_it_is_finite_float32_of_the_length_that_is_asked_for(name, rate, seconds):
    x = made(name, round(seconds * rate), rate)
    assert x.shape == (round(seconds * rate),)
    assert x.dtype == np.float32
    assert np.isfinite(x).all()


def test_its_power_is_1(name):
    assert np.mean(np.square(made(name, 10 * RATE), dtype=np.float64)) == pytest.approx(1, rel=0.01)


def test_it_comes_from_the_generator_and_from_nothing_else(name):
    np.testing.assert_array_equal(made(name, seed=1), made(name, seed=1))
    assert not np.array_equal(made(name, seed=1), made(name, seed=2))
