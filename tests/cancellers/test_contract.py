"""The contract, run over CANCELLERS: a new row is tested as soon as it is listed. And what is asked of our own."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aecbench.cancellers import CANCELLERS
from aecbench.cancellers.base import Streaming
from aecbench.cancellers.oracle import Oracle
from aecbench.cancellers.passthrough import Passthrough
from aecbench.contract.test_cancellers import *  # noqa: F403
from aecbench.contract.test_cancellers import noise
from aecbench.errors import AudioError, NotInstalled
from aecbench.systems import import_class

OURS = {"passthrough", "oracle", "nlms", "fdaf", "kalman", "subband_kalman", "residual"}


def build(name):
    try:
        return import_class(CANCELLERS[name], None)()
    except NotInstalled as missing:
        pytest.skip(str(missing))


@pytest.fixture(params=sorted(CANCELLERS))
def name(request):
    return request.param


@pytest.fixture
def canceller(name):
    """The bare class: a baseline of that name has other parameters."""
    return build(name)


@pytest.fixture(params=sorted(OURS))
def ours(request):
    return build(request.param)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
def test_any_dtype_of_input_gives_float32_of_the_same_value(canceller, dtype):
    mic, far = noise(4000, level=1000).astype(dtype), noise(4000, level=1000, seed=1).astype(dtype)
    out = canceller.cancel(mic, far)
    assert out.dtype == np.float32
    same = canceller.cancel(mic.astype(np.float32), far.astype(np.float32))
    np.testing.assert_allclose(out, same, rtol=0, atol=0.01)


def test_an_empty_batch_is_one_too(canceller):
    assert canceller.cancel(*np.zeros((2, 0, 100), np.float32)).shape == (0, 100)


@given(length=st.integers(0, 1300))
@settings(max_examples=15, deadline=None)
@pytest.mark.parametrize("name", sorted(CANCELLERS))
def test_a_signal_of_any_length_gives_the_beginning_of_the_output(name, length):
    canceller, mic, far = build(name), noise(1300), noise(1300, seed=1)
    out = canceller.cancel(mic[:length], far[:length])
    known = max(length - canceller.latency, 0)
    assert out.shape == (length,)
    np.testing.assert_allclose(out[:known], canceller.cancel(mic, far)[:known], rtol=0, atol=1e-6)


def test_silent_far_end_leaves_mic_alone(ours, scene):
    mic = scene(1.0, near=(0, 1)).mic
    difference = ours.cancel(mic, np.zeros_like(mic)) - mic
    assert np.mean(np.square(difference)) <= 1e-8 * np.mean(np.square(mic))


@pytest.mark.parametrize("coupling", [0.03, 0.5, 3.0])
def test_far_end_single_talk_is_never_louder_than_mic(ours, scene, erle, coupling):
    s = scene(5.0, seed=1, noise=0.002)
    out = ours.cancel(coupling * s.mic, s.far)
    assert min(erle(coupling * s.mic, out, second, second + 1) for second in range(1, 5)) > -1


@pytest.mark.parametrize(("bad", "signal"), [(np.nan, "mic"), (np.inf, "far")])
def test_a_block_that_is_not_finite_is_one_clear_error_and_the_state_lives_on(canceller, scene, bad, signal):
    if isinstance(canceller, Passthrough | Oracle):
        pytest.skip("keeps nothing of what it hears")
    s = scene(0.2)
    signals = {"mic": s.mic.copy(), "far": s.far.copy()}
    signals[signal][1700] = bad
    with pytest.raises(
        AudioError, match=f"^{type(canceller).__name__}: sample 1700 of {signal} is not finite; .*zero it$"
    ):
        canceller.cancel(**signals)
    if isinstance(canceller, Streaming):
        block = np.s_[: canceller.block]
        state, _ = canceller.step(canceller.init(()), s.mic[block], s.far[block])
        before = canceller.step(state, s.mic[block], s.far[block])[1]
        with pytest.raises(AudioError):
            canceller.step(state, s.mic[block] * np.float32(bad), s.far[block])
        np.testing.assert_array_equal(canceller.step(state, s.mic[block], s.far[block])[1], before)
