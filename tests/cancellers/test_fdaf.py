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


def test_recovers_within_2_seconds_of_a_new_echo_path(scene, room, erle):
    s = scene(8.0, seed=2)
    change = 4 * RATE
    after = np.convolve(s.far, room(0.2, 5))[: s.far.size] * np.std(s.echo) / np.std(s.far)
    mic = np.concatenate([s.echo[:change], after[change:]]).astype(np.float32)
    assert erle(mic, FDAF().cancel(mic, s.far), 6, 8) > 6


def test_remembers_the_echo_path_over_a_pause_of_the_far_end(scene, erle):
    s = scene(9.0)
    time = np.arange(s.far.size) / RATE
    pause = (time > 4) & (time < 8)
    hiss = 0.05 * np.random.default_rng(0).normal(size=time.size)
    mic = np.where(pause, hiss, s.echo).astype(np.float32)
    assert erle(mic, FDAF().cancel(mic, np.where(pause, 0, s.far)), 8.4, 9) > 12


@pytest.mark.parametrize("jump", [0.1, 10.0])
def test_a_jump_of_the_echo_path_s_gain_by_20_db_in_mid_speech_is_made_good_within_half_a_second(scene, erle, jump):
    s = scene(8.0)
    mic = (s.echo * np.where(np.arange(s.far.size) < 5 * RATE, 1, jump)).astype(np.float32)
    out = FDAF().cancel(mic, s.far)
    assert min(erle(mic, out, second, second + 1) for second in range(1, 8)) > -1
    assert erle(mic, out, 5.5, 6.5) > 10


def test_the_output_is_hardly_louder_than_a_microphone_that_loses_the_echo(scene, erle):
    s = scene(6.0, near=(0, 6))
    mic = (s.near + s.echo * (np.arange(s.far.size) < 5 * RATE)).astype(np.float32)
    out = FDAF().cancel(mic, s.far)
    assert min(erle(mic, out, start, start + 0.25) for start in np.arange(5, 6, 0.25)) > -2


@pytest.mark.parametrize("what", ["offset", "clipped", "at -90 dBFS", "loud after 3 s at -90 dBFS"])
def test_every_second_of_an_odd_far_end_leaves_the_echo_weaker(scene, erle, what):
    s, quiet = scene(8.0, noise=1e-4), 10 ** (-90 / 20) / 0.05
    level = np.where(np.arange(s.far.size) < 3 * RATE, quiet, 1)
    mic, far = {
        "offset": (s.mic + 0.05, s.far + 0.1),
        "clipped": (np.clip(8 * s.mic, -0.3, 0.3), np.clip(8 * s.far, -1, 1)),
        "at -90 dBFS": (quiet * s.echo + s.noise, quiet * s.far),
        "loud after 3 s at -90 dBFS": (level * s.echo + s.noise, level * s.far),
    }[what]
    out = FDAF().cancel(mic.astype(np.float32), far.astype(np.float32))
    assert min(erle(mic, out, second, second + 1) for second in range(1, 8)) > -0.5


def test_filters_stay_finite_and_forget_nothing_over_half_a_minute_of_noise_without_far_end(scene, erle):
    s = scene(4.0)
    silence = np.zeros(30 * RATE, np.float32)
    hiss = (0.05 * np.random.default_rng(0).normal(size=silence.size)).astype(np.float32)
    mic, far = np.concatenate([s.echo, hiss, s.echo]), np.concatenate([s.far, silence, s.far])
    out = FDAF().cancel(mic, far)
    assert erle(mic, out, 34.4, 38) > 12


@pytest.mark.parametrize(("block", "taps"), [(64, 64), (128, 1024), (1, 4)])
def test_other_blocks_and_lengths_find_a_short_echo_path(block, taps):
    far = (0.1 * np.random.default_rng(0).normal(size=2 * RATE)).astype(np.float32)
    mic = np.convolve(far, [0, 0.5, -0.25])[: far.size].astype(np.float32)
    out = FDAF(block=block, taps=taps).cancel(mic, far)
    assert np.mean(out[-RATE // 2 :] ** 2) < 1e-2 * np.mean(mic[-RATE // 2 :] ** 2)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"block": 0}, "FDAF: block is 0, expected a whole number of at least 1"),
        ({"taps": 1000}, "FDAF: taps is 1000, expected a multiple of block = 256"),
        ({"step_size": 1.5}, "FDAF: step_size is 1.5, expected a number from 0 to 1"),
        ({"shadow_step": -1}, "FDAF: shadow_step is -1, expected a number from 0 to 1"),
        ({"release": 1}, "FDAF: release is 1, expected a number from 0 to 0.999"),
        ({"even": 2}, "FDAF: even is 2, expected a number from 0 to 1"),
        ({"memory": 1.0}, "FDAF: memory is 1.0, expected a number from 0 to 0.999"),
        ({"averaging": float("nan")}, "FDAF: averaging is nan, expected a number from 0 to 1"),
    ],
)
def test_wrong_parameters_are_named_with_their_range(wrong, message):
    with pytest.raises(UsageError) as error:
        FDAF(**wrong)
    assert str(error.value) == message
