"""The contract of every memoryless loudspeaker model, in addition to the contract of test_devices."""

import numpy as np
import pytest

from aecbench.contract.audio import RATE
from aecbench.dsp.levels import power
from aecbench.scenes.devices import TABLE, find, play

BIN = 101  # frequency in bins of a one-second transform: prime, so that harmonics do not alias onto it


@pytest.fixture(params=TABLE.offered)
def name(request):
    if not find(request.param).memoryless:
        pytest.skip("has memory: see test_devices")
    return request.param


@pytest.fixture
def x():
    """Return three signals that are loud in the middle and fade to silence: float32 [3, T]."""
    noise = np.random.default_rng(1).standard_normal((3, RATE))
    return (0.1 * noise * np.hanning(RATE) * [[1.0], [0.01], [3.0]]).astype(np.float32)


def apply(name, x, parameters):
    return play([(name, parameters)], x, RATE)


def own(name, **values):
    """Return all parameters of the model's function: the given values, and defaults for the others."""
    defaults = {key: allowed.default for key, allowed in find(name).parameters.items() if key != "drive"}
    return defaults | values


def extremes(name):
    """Return the parameters with all of them at the lowest, and with all of them at the highest value."""
    ranges = find(name).parameters
    return {key: r.low for key, r in ranges.items()}, {key: r.high for key, r in ranges.items()}


def sine():
    return np.sin(2 * np.pi * BIN * np.arange(2 * RATE) / RATE)


def test_shape_and_type_are_kept_and_the_output_is_finite(name, x):
    for parameters in ({}, *extremes(name)):
        y = apply(name, x, parameters)
        assert y.shape == x.shape
        assert y.dtype == np.float32
        assert np.isfinite(y).all()


def test_power_is_kept(name, x):
    for parameters in ({}, *extremes(name)):
        np.testing.assert_allclose(power(apply(name, x, parameters)), power(x), rtol=1e-4)


def test_distortion_does_not_depend_on_the_level(name, x):
    np.testing.assert_allclose(apply(name, 8 * x, {}), 8 * apply(name, x, {}), rtol=1e-5, atol=1e-7)


def test_batching_changes_nothing(name, x):
    np.testing.assert_array_equal(apply(name, x, {}), [apply(name, signal, {}) for signal in x])


def test_input_is_left_alone_and_the_same_call_gives_the_same_bits(name, x):
    before = x.copy()
    first, second = apply(name, x, {}), apply(name, x, {})
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(first, second)


def test_silence_stays_silence(name):
    silence = np.zeros((2, 100), np.float32)
    np.testing.assert_array_equal(apply(name, silence, {}), silence)
    assert apply(name, silence[:, :0], {}).shape == (2, 0)


def test_zero_maps_to_zero(name):
    assert find(name).fn(np.zeros(1), **own(name)) == 0


def test_pauses_stay_quiet(name, x):
    """80 dB below the signal, 100 ms after it stopped."""
    x[:, RATE // 2 :] = 0
    pause = apply(name, x, {})[:, RATE // 2 + RATE // 10 :]
    assert np.all(np.abs(pause).max(-1) < 1e-4 * np.abs(x).max(-1))


def test_no_dc_comes_out(name):
    y = apply(name, sine(), {})
    assert abs(np.mean(y[-RATE:])) < 1e-4


def test_defaults_are_within_their_ranges(name):
    for allowed in find(name).parameters.values():
        assert allowed.low <= allowed.default <= allowed.high


def test_it_is_an_odd_function_unless_it_says_that_it_is_not(name):
    x, model = np.linspace(-2, 2, 101), find(name)
    if not model.even:
        np.testing.assert_allclose(model.fn(-x, **own(name)), -model.fn(x, **own(name)), rtol=1e-12, atol=1e-15)
