"""FDAF: it finds the echo path, and near-end speech does not make it lose its way."""

import numpy as np
import pytest

from aecbench.cancellers.fdaf import FDAF
from aecbench.errors import UsageError

RATE = 16_000


@pytest.mark.parametrize("gain", [0.03, 1.0, 5.0])
def test_cancels_a_linear_echo_after_4_seconds(scene, erle, gain):
    s = scene(6.0)
    assert erle(gain * s.mic, FDAF().cancel(gain * s.mic, s.far), 4, 6) > 15


def test_near_end_speech_as_loud_as_the_echo_does_not_undo_the_echo_path(scene, erle):
    s = scene(8.0, near=(4, 7))
    residual = FDAF().cancel(s.mic, s.far) - s.near
    assert erle(s.echo, residual, 4, 7) > 10
    assert erle(s.echo, residual, 7, 8) > 12


def test_recovers_within_3_seconds_of_a_new_echo_path(scene, room, erle):
    s = scene(8.0, seed=2)
    change = 4 * RATE
    after = np.convolve(s.far, room(0.2, 5))[: s.far.size] * np.std(s.echo) / np.std(s.far)
    mic = np.concatenate([s.echo[:change], after[change:]]).astype(np.float32)
    assert erle(mic, FDAF().cancel(mic, s.far), 7, 8) > 6


def test_remembers_the_echo_path_over_a_pause_of_the_far_end(scene, erle):
    s = scene(9.0)
    time = np.arange(s.far.size) / RATE
    pause = (time > 4) & (time < 8)
    hiss = 0.05 * np.random.default_rng(0).normal(size=time.size)
    mic = np.where(pause, hiss, s.echo).astype(np.float32)
    assert erle(mic, FDAF().cancel(mic, np.where(pause, 0, s.far)), 8.4, 9) > 12


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"block": 0}, "FDAF: block is 0, expected a whole number of at least 1"),
        ({"taps": 1000}, "FDAF: taps is 1000, expected a multiple of block = 256"),
        ({"step_size": 1.5}, "FDAF: step_size is 1.5, expected a number from 0 to 1"),
        ({"start": -1}, "FDAF: start is -1, expected a number from 0 to 1"),
        ({"even": 2}, "FDAF: even is 2, expected a number from 0 to 1"),
        ({"memory": 1.0}, "FDAF: memory is 1.0, expected a number from 0 to 0.999"),
        ({"averaging": float("nan")}, "FDAF: averaging is nan, expected a number from 0 to 1"),
    ],
)
def test_wrong_parameters_are_named_with_their_range(wrong, message):
    with pytest.raises(UsageError) as error:
        FDAF(**wrong)
    assert str(error.value) == message
