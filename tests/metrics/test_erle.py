import numpy as np
import pytest

from aecbench.dsp import levels
from aecbench.metrics import score
from aecbench.metrics.erle import erle
from aecbench.metrics.erle_raw import erle_raw
from aecbench.signals import Signals, Talk

RATE = 16_000


def echo_only(echo: np.ndarray, noise: np.ndarray) -> Signals:
    return Signals(mic=echo + noise, far=echo, near=0 * echo, echo=echo, noise=noise)


def sines() -> Signals:
    """Orthogonal echo and noise, 20 dB apart."""
    t = np.arange(RATE) / RATE
    return echo_only(np.sin(2 * np.pi * 500 * t), 0.1 * np.sin(2 * np.pi * 1000 * t))


@pytest.mark.parametrize("attenuation", [-3.0, 0.0, 6.5, 20.0, 60.0])
@pytest.mark.parametrize("metric", [erle, erle_raw])
def test_is_the_attenuation_of_an_echo(metric, attenuation):
    echo = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    scene = echo_only(echo, 0 * echo)
    estimate = (scene.mic * 10 ** (-attenuation / 20)).astype(np.float32)
    assert metric(scene, estimate, RATE) == pytest.approx(attenuation, abs=0.01)


def test_noise_that_stays_bounds_it():
    scene = sines()
    assert erle(scene, scene.noise, RATE) == pytest.approx(10 * np.log10(101), abs=0.01)


@pytest.mark.parametrize("gain", [0.5, 0.1, 0.001, 0.0])
def test_suppressing_the_noise_too_gains_nothing(gain):
    scene = sines()
    assert erle(scene, gain * scene.noise, RATE) == pytest.approx(20.043214, abs=1e-6)
    assert erle_raw(scene, gain * scene.noise, RATE) > 26


def test_the_oracle_and_what_is_quieter_have_the_value_of_a_plain_computation(scene):
    signals = scene()
    talk = np.repeat(levels.talk(signals, RATE) == Talk.FAR, RATE // 100)
    left = (signals.mic - signals.echo)[talk].astype(float)
    golden = 10 * np.log10(np.sum(signals.mic[talk].astype(float) ** 2) / np.sum(left**2))
    for estimate in (signals.mic - signals.echo, 0.1 * (signals.mic - signals.echo), 0 * signals.mic):
        assert score("erle", signals, estimate, RATE).value == pytest.approx(golden, abs=1e-9)
    assert golden == pytest.approx(42.97, abs=0.01)


def test_a_real_recording_is_held_at_the_noise_of_its_quietest_frames():
    rng = np.random.default_rng(0)
    noise, talks = 0.01 * rng.standard_normal(10 * RATE), np.arange(10 * RATE) % RATE < 0.7 * RATE
    mic = np.where(talks, rng.standard_normal(10 * RATE), 0) + noise
    unknown = np.full(mic.size, np.nan)
    real, labels = Signals(mic, mic, unknown, unknown, unknown), np.full(1000, Talk.FAR)
    perfect = 10 * np.log10(np.mean(mic**2) / np.mean(noise**2))
    assert score("erle", real, 1e-4 * mic, RATE, labels).value == pytest.approx(perfect, abs=0.7)
    assert score("erle", real, 0.1 * mic, RATE, labels).value == pytest.approx(20, abs=1e-6)


def test_counts_only_the_frames_in_which_the_far_end_talks_alone(scene):
    signals = scene()
    estimate = signals.mic.copy()
    estimate[: round(1.6 * RATE)] *= 0.1
    assert score("erle", signals, estimate, RATE).value == pytest.approx(20, abs=0.01)
