"""Kalman: fast, unmoved by near-end speech, and back soon after the echo path has changed."""

import numpy as np
import pytest
from scipy.signal import fftconvolve

from aecbench.cancellers.kalman import Kalman
from aecbench.errors import UsageError

RATE = 16_000


@pytest.mark.parametrize("gain", [0.03, 1.0, 5.0])
def test_cancels_a_linear_echo_by_more_than_30_db_after_3_seconds(scene, erle, gain):
    s = scene(5.0)
    assert erle(gain * s.mic, Kalman().cancel(gain * s.mic, s.far), 3, 5) > 30


def test_cancels_within_the_first_two_seconds(scene, erle):
    s = scene(2.0, rt60=0.4, noise=0.0015)
    assert erle(s.mic, Kalman().cancel(s.mic, s.far), 1, 2) > 10


def test_near_end_speech_as_loud_as_the_echo_does_not_undo_the_echo_path(scene, erle):
    s = scene(8.0, near=(3, 7))
    residual = Kalman().cancel(s.mic, s.far) - s.near
    assert erle(s.echo, residual, 3, 7) > 20
    assert erle(s.echo, residual, 7, 8) > 20


def test_finds_the_echo_path_while_the_near_end_talks(scene, erle):
    s = scene(6.0, near=(0, 6))
    assert erle(s.echo, Kalman().cancel(s.mic, s.far) - s.near, 4, 6) > 10


def test_is_back_within_3_db_one_and_a_half_seconds_after_a_new_echo_path(scene, room, erle):
    s = scene(8.0, seed=2, noise=0.005)
    change = 5 * RATE
    after = fftconvolve(s.far, room(0.2, 52))[: s.far.size]
    echo = np.append(s.echo[:change], (after * np.std(s.echo) / np.std(after))[change:])
    mic = (echo + s.noise).astype(np.float32)
    left = Kalman().cancel(mic, s.far) - s.noise
    assert erle(echo, left, 6.5, 7.5) > erle(echo, left, 4, 5) - 3


def test_recovers_within_one_and_a_half_seconds_of_a_new_echo_path(scene, erle):
    before, after = scene(7.0, seed=2), scene(7.0, seed=5)
    change = 4 * RATE
    echo = np.concatenate([before.echo[:change], np.convolve(before.far, _path(after))[change : 7 * RATE]])
    mic = echo.astype(np.float32)
    assert erle(mic, Kalman().cancel(mic, before.far), 5.5, 6.5) > 15


def _path(scene):
    """The impulse response of a scene, from its signals."""
    n = 2 * scene.far.size
    ratio = np.fft.rfft(scene.echo, n) / np.fft.rfft(scene.far, n)
    return np.fft.irfft(ratio)[:6400]


@pytest.mark.parametrize("jump", [0.1, 10.0])
@pytest.mark.parametrize("noise", [0.0, 0.0015])
def test_a_jump_of_the_volume_by_20_db_is_followed_at_once(scene, erle, jump, noise):
    s = scene(6.0, seed=1, noise=noise)
    volume = np.where(np.arange(s.mic.size) < 3.2 * RATE, 1, jump)
    mic = (volume * s.echo + s.noise).astype(np.float32)
    out = Kalman().cancel(mic, s.far)
    assert min(erle(mic, out, second, second + 1) for second in range(1, 6)) > 1
    assert erle(mic, out, 3.7, 4.7) > 10


def test_remembers_the_echo_path_over_a_long_pause_of_the_far_end(scene, erle):
    s = scene(9.0)
    time = np.arange(s.far.size) / RATE
    pause = (time > 3) & (time < 8)
    far = np.where(pause, 0, s.far)
    mic = np.where(pause, 0, s.echo) + 0.05 * np.random.default_rng(0).normal(size=far.size).astype(np.float32) * pause
    assert erle(mic, Kalman().cancel(mic, far), 8.4, 9) > 15


def _clipped(far, room):
    loud = np.clip(30 * far, -1, 1)
    return np.clip(2 * fftconvolve(loud, room(0.3, 4))[: far.size], -1, 1), loud


def _pauses(far, room):
    pausing = far * (np.arange(far.size) % (4 * RATE) < 2 * RATE)
    return fftconvolve(pausing, room(0.3, 1))[: far.size], pausing


HOSTILE = {
    "60 s at -90 dBFS": lambda s, room: (np.tile(6e-4 * s.mic, 5), np.tile(6e-4 * s.far, 5)),
    "2 minutes": lambda s, room: (np.tile(s.mic, 10), np.tile(s.far, 10)),
    "DC at both": lambda s, room: (s.mic + 0.3, s.far + 0.3),
    "DC at mic": lambda s, room: (s.mic + 0.3, s.far),
    "clipped": lambda s, room: _clipped(s.far, room),
    "pauses": lambda s, room: _pauses(s.far, room),
    "another talker": lambda s, room: (s.near, s.far),
    "flipping polarity": lambda s, room: (np.sign(np.sin(np.arange(s.far.size) / RATE)) * s.echo, s.far),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_is_never_louder_than_mic_by_1_db_for_a_second(scene, room, erle, name):
    mic, far = HOSTILE[name](
        scene(12.0, seed=1, noise=0.0005, near=(0, 12) if name == "another talker" else None), room
    )
    mic, far = mic.astype(np.float32), far.astype(np.float32)
    out = Kalman().cancel(mic, far)
    active = [t for t in range(1, mic.size // RATE) if far[t * RATE : (t + 1) * RATE].any()]
    assert min(erle(mic, out, t, t + 1) for t in active) > -1


def test_starts_again_after_mic_was_muted(scene, erle):
    s = scene(6.0)
    mic = np.where(np.arange(s.mic.size) < 3 * RATE, 0, s.mic)
    assert erle(mic, Kalman().cancel(mic, s.far), 5, 6) > 15


def test_near_end_alone_passes_through(scene, erle):
    s = scene(6.0, near=(0, 6))
    far = np.where(np.arange(s.far.size) < 3 * RATE, s.far, 0)
    mic = s.near + np.where(np.arange(s.far.size) < 3 * RATE, s.echo, 0)
    out = Kalman().cancel(mic, far)
    late = np.s_[4 * RATE :]
    np.testing.assert_allclose(out[late], mic[late], atol=1e-6)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"block": 0}, "Kalman: block is 0, expected a whole number of at least 1"),
        ({"taps": 1000}, "Kalman: taps is 1000, expected a multiple of block = 256"),
        ({"transition": 1.5}, "Kalman: transition is 1.5, expected a number from 0 to 1"),
        ({"shadow_transition": -0.1}, "Kalman: shadow_transition is -0.1, expected a number from 0 to 1"),
        ({"smoothing": 1.0}, "Kalman: smoothing is 1.0, expected a number from 0 to 0.999"),
        ({"decay": float("nan")}, "Kalman: decay is nan, expected a number from 0 to 120"),
    ],
)
def test_wrong_parameters_are_named_with_their_range(wrong, message):
    with pytest.raises(UsageError) as error:
        Kalman(**wrong)
    assert str(error.value) == message
