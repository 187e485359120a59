"""The contract of every stage of a loudspeaker device, with memory or without."""

import numpy as np
import pytest

from aecbench.contract.audio import RATE, make_voice
from aecbench.scenes.devices import TABLE, apply, find


@pytest.fixture(params=TABLE.offered)
def name(request):
    return request.param


def extremes(name):
    ranges = find(name).parameters
    return {key: r.low for key, r in ranges.items()}, {key: r.high for key, r in ranges.items()}


def test_defaults_are_within_their_ranges(name):
    for allowed in find(name).parameters.values():
        assert allowed.low <= allowed.default <= allowed.high


def test_shape_and_type_are_kept_and_the_output_is_finite(name):
    x = np.stack([make_voice(), -0.1 * make_voice()])
    for parameters in ({}, *extremes(name)):
        y = apply(name, x, RATE, parameters)
        assert y.shape == x.shape
        assert y.dtype == np.float32
        assert np.isfinite(y).all()


def test_batching_changes_nothing(name):
    x = np.stack([make_voice(), -0.1 * make_voice()])
    np.testing.assert_allclose(apply(name, x, RATE, {}), [apply(name, signal, RATE, {}) for signal in x], atol=1e-6)


def test_input_is_left_alone_and_the_same_call_gives_the_same_bits(name):
    x = make_voice()
    before = x.copy()
    first, second = apply(name, x, RATE, {}), apply(name, x, RATE, {})
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(first, second)


def test_silence_stays_silence(name):
    silence = np.zeros((2, 100), np.float32)
    np.testing.assert_array_equal(apply(name, silence, RATE, {}), silence)
    assert apply(name, silence[:, :0], RATE, {}).shape == (2, 0)


def test_pauses_stay_quiet(name):
    """60 dB below the signal, 150 ms after it stopped."""
    y = apply(name, make_voice(), RATE, {})
    assert np.abs(y[-4000:]).max() < 1e-3 * np.abs(y).max()


def test_every_rate_is_served(name):
    for rate in (8000, 48_000):
        for parameters in ({}, *extremes(name)):
            assert np.isfinite(apply(name, make_voice(), rate, parameters)).all()
