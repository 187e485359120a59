"""ResidualSuppressor: deep in far-end single talk, gentle in double talk, and not there when there is no echo."""

import numpy as np
import pytest

from aecbench.cancellers.fdaf import FDAF
from aecbench.cancellers.kalman import Kalman
from aecbench.cancellers.nlms import NLMS
from aecbench.cancellers.passthrough import Passthrough
from aecbench.cancellers.residual import ResidualSuppressor
from aecbench.cancellers.subband_kalman import SubbandKalman
from aecbench.errors import UsageError

RATE = 16_000
FILTERS = [Kalman(), SubbandKalman(), FDAF(), NLMS(block=100), Kalman(block=64, taps=1024)]


def clipped(scene, room):
    """The echo of a loudspeaker that clips at a third of the peak."""
    limit = np.abs(scene.far).max() / 3
    mic = np.convolve(np.clip(scene.far, -limit, limit), room(0.2, 0))[: scene.far.size]
    return mic.astype(np.float32)


@pytest.mark.parametrize("gain", [0.03, 5.0])
@pytest.mark.parametrize("linear", [Kalman(), SubbandKalman()], ids=["kalman", "subband_kalman"])
def test_takes_15_db_more_of_the_echo_than_its_filter_while_only_the_far_end_talks(scene, erle, linear, gain):
    s = scene(4.0)
    before, after = (canceller.cancel(gain * s.mic, s.far) for canceller in (linear, ResidualSuppressor(linear)))
    assert erle(before, after, 2, 4) > 15


def test_takes_more_of_the_echo_of_a_loudspeaker_that_clips(scene, room, erle):
    s = scene(4.0)
    mic = clipped(s, room)
    assert erle(Kalman().cancel(mic, s.far), ResidualSuppressor().cancel(mic, s.far), 1, 4) > 3


def test_suppresses_the_echo_that_a_filter_does_not_know_yet(scene, erle):
    s = scene(3.0)
    assert erle(s.mic, ResidualSuppressor(Passthrough()).cancel(s.mic, s.far), 0, 2) > 6


@pytest.mark.parametrize("linear", [Kalman(), SubbandKalman()], ids=["kalman", "subband_kalman"])
def test_near_end_passes_unchanged_where_the_far_end_is_silent(scene, erle, linear):
    s = scene(6.0, near=(3, 6), noise=0.001)
    far = np.where(np.arange(s.far.size) < 2.5 * RATE, s.far, 0)
    mic = (np.where(far == 0, 0, s.echo) + s.near + s.noise).astype(np.float32)
    out = ResidualSuppressor(linear).cancel(mic, far)
    assert erle(mic, out - linear.cancel(mic, far), 3.5, 6) > 30


@pytest.mark.parametrize("linear", [Kalman(), SubbandKalman()], ids=["kalman", "subband_kalman"])
def test_keeps_the_near_end_in_double_talk(scene, erle, linear):
    s = scene(8.0, near=(4, 8))
    out = ResidualSuppressor(linear).cancel(s.mic, s.far)
    assert abs(erle(s.near, out, 4, 8)) < 1.5
    assert erle(s.near, out - s.near, 4, 8) > 8


def test_brings_no_more_power_than_its_filter_in_any_tenth_of_a_second(scene, erle):
    s = scene(6.0, near=(2, 5), noise=0.003)
    before, after = Kalman().cancel(s.mic, s.far), ResidualSuppressor().cancel(s.mic, s.far)
    assert min(erle(before + 1e-9, after + 1e-9, t, t + 0.1) for t in np.arange(0, 5.9, 0.1)) > -0.5


def test_noise_keeps_its_level_where_nobody_talks(scene, erle):
    s = scene(4.0, noise=0.003)
    early = np.arange(s.far.size) < 2 * RATE
    mic, far = np.where(early, s.mic, s.noise), np.where(early, s.far, 0)
    assert abs(erle(mic, ResidualSuppressor().cancel(mic, far), 3, 4)) < 0.5


def test_comfort_noise_fills_what_was_taken_out_of_the_noise(scene, erle):
    s = scene(4.0, noise=0.003)
    before = Kalman().cancel(s.mic, s.far)
    plain, filled = (ResidualSuppressor(comfort_noise=c).cancel(s.mic, s.far) for c in (0.0, 1.0))
    assert erle(before, plain, 2, 4) > 8
    assert 0 < erle(before, filled, 2, 4) < 6


@pytest.mark.parametrize("jump", [0.1, 10.0])
def test_suppresses_again_a_second_after_the_echo_jumps_by_20_db(scene, erle, jump):
    s = scene(6.0)
    mic = (s.mic * np.where(np.arange(s.mic.size) < 3 * RATE, 1, jump)).astype(np.float32)
    assert erle(mic, ResidualSuppressor().cancel(mic, s.far), 4, 6) > 25


@pytest.mark.parametrize("linear", FILTERS, ids=lambda f: f"{type(f).__name__}-{f.block}")
def test_a_block_holds_whole_blocks_of_any_filter_and_whole_hops(linear):
    canceller = ResidualSuppressor(linear)
    assert canceller.block % linear.block == 0
    assert canceller.block % canceller.hop == 0


@pytest.mark.parametrize("linear", FILTERS, ids=lambda f: f"{type(f).__name__}-{f.block}")
def test_output_is_in_time_with_mic_behind_any_filter(linear):
    mic = np.random.default_rng(0).normal(size=5000).astype(np.float32)
    np.testing.assert_allclose(ResidualSuppressor(linear).cancel(mic, 0 * mic), mic, atol=1e-4)


@pytest.mark.parametrize("comfort_noise", [0.0, 1.0])
@pytest.mark.parametrize("linear", FILTERS, ids=lambda f: f"{type(f).__name__}-{f.block}")
def test_strides_give_what_blocks_give(scene, linear, comfort_noise, blocks_and_strides):
    s, canceller = scene(1.0, noise=0.003), ResidualSuppressor(linear, comfort_noise=comfort_noise)
    outputs = blocks_and_strides(canceller, s.mic, s.far)
    assert canceller.stride >= 8 * canceller.hop
    assert np.ptp(outputs[0]) > 0.01
    np.testing.assert_array_equal(*outputs)


@pytest.mark.parametrize("cut", [6144, 6271])
@pytest.mark.parametrize("linear", FILTERS, ids=lambda f: f"{type(f).__name__}-{f.block}")
def test_output_sees_no_further_than_its_latency_behind_any_filter(scene, linear, cut):
    s, canceller = scene(0.5), ResidualSuppressor(linear)
    mic = s.mic.copy()
    mic[cut:] += 0.3
    heard = np.s_[: cut - canceller.latency]
    np.testing.assert_array_equal(canceller.cancel(mic, s.far)[heard], canceller.cancel(s.mic, s.far)[heard])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"frame": 500}, "ResidualSuppressor: frame is 500, expected a multiple of 8"),
        ({"frame": 8}, "ResidualSuppressor: frame is 8, expected a whole number of at least 16"),
        ({"quantile": 1.5}, "ResidualSuppressor: quantile is 1.5, expected a number from 0 to 1"),
        ({"single": -1.0}, "ResidualSuppressor: single is -1.0, expected a number of at least 0"),
        ({"width": 1.5}, "ResidualSuppressor: width is 1.5, expected a whole number of at least 0"),
        ({"single_floor": 3.0}, "ResidualSuppressor: single_floor is 3.0, expected a number from -200 to 0"),
        ({"few": 0.4, "many": 0.3}, "ResidualSuppressor: many is 0.3, expected a number from 0.4 to 1"),
    ],
)
def test_wrong_parameters_are_named_with_their_range(wrong, message):
    with pytest.raises(UsageError) as error:
        ResidualSuppressor(**wrong)
    assert str(error.value) == message
