"""The oracle knows the echo, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from aecbench.cancellers.oracle import Oracle
from aecbench.cancellers.passthrough import Passthrough
from aecbench.errors import UsageError


def test_returns_near_end_and_noise(scene):
    s = scene(1.0, near=(0.5, 1.0), noise=0.01)
    out = replace(Oracle(), echo=s.echo).cancel(s.mic, s.far)
    np.testing.assert_allclose(out, s.near + s.noise, atol=1e-6)


def test_takes_a_batch():
    mic, echo = np.ones((2, 3, 1000), np.float32), np.random.default_rng(0).random((2, 3, 1000))
    np.testing.assert_allclose(Oracle(echo=echo).cancel(mic, mic), mic - echo, atol=1e-6)


def test_there_is_no_echo_past_the_end_of_the_echo_it_was_given():
    mic = np.ones(1000, np.float32)
    out = Oracle(echo=mic[:300]).cancel(mic, mic)
    np.testing.assert_array_equal(out, np.arange(1000) >= 300)


def test_without_an_echo_it_passes_mic_through(scene):
    s = scene(0.5)
    np.testing.assert_array_equal(Oracle().cancel(s.mic, s.far), s.mic)


@pytest.mark.parametrize("canceller", [Oracle, Passthrough])
def test_block_has_to_be_a_whole_number(canceller):
    with pytest.raises(UsageError, match=r"block is 0, expected a whole number of at least 1"):
        canceller(block=0)


def test_the_echo_of_a_batch_may_have_any_shape():
    mic, echo = np.ones((2, 3, 2, 700), np.float32)
    np.testing.assert_array_equal(Oracle(echo=echo).cancel(mic, mic), 0)
