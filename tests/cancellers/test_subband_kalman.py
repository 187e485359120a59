"""SubbandKalman: found within a second, unmoved by near-end speech, and back soon after the echo path has changed."""

import numpy as np
import pytest

from aecbench.cancellers.base import final_state
from aecbench.cancellers.subband_kalman import SubbandKalman
from aecbench.errors import UsageError

RATE = 16_000


def covariances(filters, taps):
    """The Hermitian matrices [K, L, L] of the filters."""
    p = np.zeros((filters.covariance.shape[-1], taps, taps), complex)
    p[:, *np.triu_indices(taps)] = filters.covariance[0].T
    return p + np.triu(p, 1).conj().swapaxes(-1, -2)


@pytest.mark.parametrize("gain", [0.03, 1.0, 5.0])
def test_cancels_an_echo_by_more_than_20_db_within_the_second_second(scene, erle, gain):
    s = scene(2.0)
    assert erle(gain * s.mic, SubbandKalman().cancel(gain * s.mic, s.far), 1, 2) > 20


def test_near_end_speech_as_loud_as_the_echo_does_not_undo_the_echo_path(scene, erle):
    s = scene(8.0, near=(3, 7))
    residual = SubbandKalman().cancel(s.mic, s.far) - s.near
    assert erle(s.echo, residual, 3, 7) > 15
    assert erle(s.echo, residual, 7, 8) > 20


def test_finds_the_echo_path_while_the_near_end_talks(scene, erle):
    s = scene(4.0, near=(0, 4))
    assert erle(s.echo, SubbandKalman().cancel(s.mic, s.far) - s.near, 1, 4) > 5


def test_recovers_within_a_second_of_a_new_echo_path(scene, room, erle):
    s = scene(6.0, seed=2)
    change = 4 * RATE
    after = np.convolve(s.far, room(0.2, 5))[: s.far.size] * np.std(s.echo) / np.std(s.far)
    mic = np.concatenate([s.echo[:change], after[change:]]).astype(np.float32)
    assert erle(mic, SubbandKalman().cancel(mic, s.far), 5, 6) > 10


def test_is_back_within_3_db_one_and_a_half_seconds_after_a_new_echo_path(scene, room, erle):
    s = scene(6.0, seed=2)
    change = 4 * RATE
    after = np.convolve(s.far, room(0.2, 5))[: s.far.size] * np.std(s.echo) / np.std(s.far)
    mic = np.concatenate([s.echo[:change], after[change:]]).astype(np.float32)
    out = SubbandKalman().cancel(mic, s.far)
    assert erle(mic, out, 5, 5.5) > erle(mic, out, 3, 4) - 3


@pytest.mark.parametrize(
    ("gain", "near", "least"), [(10.0, None, -1), (10.0, (2, 6), -1), (0.1, (2, 6), -1), (0.1, None, -2)]
)
def test_a_jump_of_the_level_of_the_echo_makes_no_second_much_louder_than_mic(scene, erle, gain, near, least):
    s = scene(6.0, seed=3, near=near)
    mic = (s.near + s.echo * np.where(np.arange(s.echo.size) < 3 * RATE, 1, gain)).astype(np.float32)
    out = SubbandKalman().cancel(mic, s.far)
    assert min(erle(mic, out, second, second + 1) for second in range(1, 6)) > least


def test_cancels_again_at_once_after_the_echo_has_become_weaker_by_20_db(scene, erle):
    s = scene(4.0, seed=3)
    mic = (s.echo * np.where(np.arange(s.echo.size) < 3 * RATE, 1, 0.1)).astype(np.float32)
    assert erle(mic, SubbandKalman().cancel(mic, s.far), 3.25, 4) > 20


def test_a_far_end_90_db_below_full_scale_makes_no_second_louder(talker, erle):
    mic = talker(10, 1)
    far = (3e-5 * np.random.default_rng(0).normal(size=mic.size)).astype(np.float32)
    out = SubbandKalman().cancel(mic, far)
    assert min(erle(mic, out, second, second + 1) for second in range(1, 10)) > -1


def test_remembers_the_echo_path_over_a_pause_of_the_far_end(scene, erle):
    s = scene(8.0)
    time = np.arange(s.far.size) / RATE
    pause = (time > 2.5) & (time < 7)
    hiss = 0.05 * np.random.default_rng(0).normal(size=time.size)
    mic = np.where(pause, hiss, s.echo).astype(np.float32)
    far = np.where(pause, 0, s.far)
    assert erle(mic, SubbandKalman().cancel(mic, far), 7.3, 8) > 15


def test_starts_again_after_mic_was_muted(scene, erle):
    s = scene(5.0)
    mic = np.where(np.arange(s.mic.size) < 3 * RATE, 0, s.mic)
    assert erle(mic, SubbandKalman().cancel(mic, s.far), 4, 5) > 15


@pytest.mark.parametrize("kind", ["speech", "tone", "noise"])
def test_covariances_stay_positive(talker, kind):
    time = np.arange(20 * RATE) / RATE
    far = {
        "speech": talker(20, 0),
        "tone": 0.3 * np.sin(2 * np.pi * 440 * time),
        "noise": 0.1 * np.random.default_rng(0).normal(size=time.size),
    }[kind].astype(np.float32)
    canceller = SubbandKalman(frame=128, block=64, taps=8)
    state = final_state(canceller, 0.5 * far + 0.1 * talker(20, 1), far)
    eigenvalues = np.linalg.eigvalsh(covariances(state.filters, 8))
    assert (eigenvalues[:, 0] >= -1e-4 * eigenvalues[:, -1]).all()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"block": 0}, "SubbandKalman: block is 0, expected a whole number of at least 1"),
        ({"frame": 256}, "SubbandKalman: frame is 256, expected a whole number of at least 512"),
        ({"frame": 1000}, "SubbandKalman: frame is 1000, expected an even number, a multiple of block = 256"),
        ({"taps": 0}, "SubbandKalman: taps is 0, expected a whole number of at least 1"),
        ({"transition": 1.5}, "SubbandKalman: transition is 1.5, expected a number from 0 to 1"),
        ({"smoothing": 1.0}, "SubbandKalman: smoothing is 1.0, expected a number from 0 to 0.999"),
        ({"shadow_transition": -0.1}, "SubbandKalman: shadow_transition is -0.1, expected a number from 0 to 1"),
        ({"decay": float("nan")}, "SubbandKalman: decay is nan, expected a number from 0 to 120"),
    ],
)
def test_wrong_parameters_are_named_with_their_range(wrong, message):
    with pytest.raises(UsageError) as error:
        SubbandKalman(**wrong)
    assert str(error.value) == message
