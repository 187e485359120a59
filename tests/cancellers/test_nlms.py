"""NLMS: it finds the echo path, and near-end speech or a next to silent far end do not make it lose its way."""

import numpy as np
import pytest

from aecbench.cancellers.base import final_state
from aecbench.cancellers.nlms import NLMS
from aecbench.errors import UsageError


def misalignment(canceller, mic, far, path):
    """10 log10 |w - path|² / |path|² after the last whole block."""
    w = final_state(canceller, mic, far).weights[::-1]
    path = np.pad(path, (0, w.size - path.size))
    return 10 * np.log10(np.sum((w - path) ** 2) / np.sum(path**2))


def white(seconds, level, seed):
    return (level * np.random.default_rng(seed).normal(size=int(seconds * 16_000))).astype(np.float32)


@pytest.fixture(scope="module")
def path(room):
    return room(0.1, 0, taps=512)


@pytest.mark.parametrize("gain", [0.1, 1.0, 10.0])
def test_finds_the_echo_path_of_white_noise(path, gain):
    far = white(2, 0.1, 0)
    mic = gain * np.convolve(far, path)[: far.size]
    assert misalignment(NLMS(taps=512), mic, far, gain * path) < -60


def test_one_tap_is_a_filter():
    far = white(0.5, 0.1, 0)
    assert abs(final_state(NLMS(taps=1), 0.5 * far, far).weights[0] - 0.5) < 1e-3


def test_near_end_speech_as_loud_as_the_echo_does_not_undo_the_echo_path(path, talker):
    far = white(4, 0.05, 0)
    mic = np.convolve(far, path)[: far.size] + talker(4, 1) * (np.arange(far.size) > far.size // 2)
    assert misalignment(NLMS(taps=512), mic, far, path) < -3
    assert misalignment(NLMS(taps=512, regularisation=0), mic, far, path) > 0


@pytest.mark.parametrize("level", [1e-3, 1e-4, 3e-5])  # -60, -80, -90 dBFS
@pytest.mark.parametrize("near", ["speech", "noise"])
def test_survives_a_far_end_that_is_almost_silent(path, talker, level, near):
    mic = talker(10, 1) if near == "speech" else white(10, 0.05, 1)
    w = final_state(NLMS(taps=512), mic, white(10, level, 0)).weights
    assert np.sum(w**2) < 1
    assert level**2 * np.sum(w**2) < 1e-3 * np.mean(mic**2)


def test_without_regularisation_an_almost_silent_far_end_is_its_ruin(path, talker):
    w = final_state(NLMS(taps=512, regularisation=0), talker(3, 1), white(3, 1e-4, 0)).weights
    assert np.sum(w**2) > 100


@pytest.mark.parametrize(("before", "after"), [(1.0, 0.1), (0.1, 1.0), (1.0, -1.0)])
def test_a_new_gain_of_the_echo_path_is_found_within_a_quarter_of_a_second(path, erle, before, after):
    far = white(4, 0.1, 0)
    mic = np.convolve(far, path)[: far.size] * np.where(np.arange(far.size) < far.size // 2, before, after)
    out = NLMS(taps=512).cancel(mic, far)
    assert erle(mic, out, 2.25, 2.5) > 15
    assert erle(mic, out, 2, 3) > 0


def test_recovers_within_a_second_and_a_half_of_a_new_echo_path(path, room, erle):
    far, change = white(4, 0.1, 0), 32_000
    mic = np.concatenate(
        [
            np.convolve(far, h)[span]
            for h, span in ((path, np.s_[:change]), (room(0.1, 5, taps=512), np.s_[change : far.size]))
        ]
    )
    out = NLMS(taps=512).cancel(mic, far)
    assert erle(mic, out, 3.5, 4) > min(erle(mic, out, 1.5, 2) - 3, 30)


def test_plain_steps_during_double_talk_leave_more_residual_echo_than_steps_that_know_the_misalignment(scene, erle):
    s = scene(8.0, near=(4, 8))
    wary, plain = (erle(s.echo, NLMS(drift=d).cancel(s.mic, s.far) - s.near, 4, 8) for d in (2e-5, 1.0))
    assert wary > plain + 2


def test_size_of_steps_hardly_matters(scene, erle):
    s = scene(3.0)
    small, large = (erle(s.mic, NLMS(block=block).cancel(s.mic, s.far), 2, 3) for block in (32, 512))
    assert abs(small - large) < 0.5


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"taps": 0}, "NLMS: taps is 0, expected a whole number of at least 1"),
        ({"taps": 10.0}, "NLMS: taps is 10.0, expected a whole number of at least 1"),
        ({"step_size": 2.5}, "NLMS: step_size is 2.5, expected a number from 0 to 2"),
        ({"step_size": float("nan")}, "NLMS: step_size is nan, expected a number from 0 to 2"),
        ({"regularisation": -1}, "NLMS: regularisation is -1, expected a number of at least 0"),
        ({"drift": 2}, "NLMS: drift is 2, expected a number from 0 to 1"),
        ({"memory": 1.0}, "NLMS: memory is 1.0, expected a number from 0 to 0.9999"),
        ({"block": "256"}, "NLMS: block is '256', expected a whole number of at least 1"),
    ],
)
def test_wrong_parameters_are_named_with_their_range(wrong, message):
    with pytest.raises(UsageError) as error:
        NLMS(**wrong)
    assert str(error.value) == message
