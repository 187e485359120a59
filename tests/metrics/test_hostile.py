"""Whatever comes out of a canceller, every row gives one score: a number, or the reason why there is none."""

import numpy as np
import pytest

from aecbench.metrics import METRICS, score
from aecbench.signals import Signals, Talk

RATE = 16_000


def scene_of(near: np.ndarray, echo: np.ndarray) -> Signals:
    noise = (1e-4 * np.random.default_rng(5).standard_normal(near.size)).astype(np.float32)
    return Signals(mic=near + echo + noise, far=echo, near=near, echo=echo, noise=noise)


def bursts(count: int, pause: float) -> np.ndarray:
    burst = np.zeros(round((0.2 + pause) * RATE), np.float32)
    burst[: RATE // 5] = 0.1 * np.random.default_rng(0).standard_normal(RATE // 5)
    return np.tile(burst, count)


def one_score(name: str, signals: Signals, estimate: np.ndarray, talk: np.ndarray | None = None) -> tuple[float, str]:
    responses = np.array([1.0, -0.5]), np.array([0.5])
    value, reason, failed = score(name, signals, estimate, RATE, talk, changes=[1.0], responses=lambda: responses)
    assert np.isfinite(value) or reason
    assert not (np.isfinite(value) and failed)
    return value, reason


@pytest.fixture(params=METRICS)
def name(request):
    return request.param


def test_sixty_bursts_in_both_ends(name):
    near = bursts(60, 0.3)
    signals = scene_of(near, np.roll(near, 1600))
    value, reason = one_score(name, signals, signals.near + signals.noise + 0.1 * signals.echo)
    rests = "the far end talks or rests for less than 0.25 s"
    assert np.isfinite(value) or reason in ("no far-end single talk", "no near-end single talk", "no silence", rests)


@pytest.fixture(scope="module")
def half_a_minute() -> Signals:
    near, echo = (np.random.default_rng(k).standard_normal(32 * RATE).astype(np.float32) for k in (1, 2))
    near[: 10 * RATE] = 0
    near[31 * RATE :] = 0
    echo[22 * RATE :] = 0
    return scene_of(near, echo)


def test_half_a_minute(name, half_a_minute):
    value, reason = one_score(name, half_a_minute, half_a_minute.mic - np.float32(0.5) * half_a_minute.echo)
    assert np.isfinite(value)
    assert "echo" not in reason


@pytest.fixture(scope="module")
def five_minutes() -> Signals:
    """Both ends talk at the beginning and at the end only, so that what is scored by windows has few of them."""
    near, echo = (0.1 * np.random.default_rng(k).standard_normal(300 * RATE).astype(np.float32) for k in (1, 2))
    near[4 * RATE : 298 * RATE] = 0
    echo[2 * RATE : 296 * RATE] = 0
    return scene_of(near, echo)


def test_five_minutes(name, five_minutes):
    value, reason = one_score(name, five_minutes, five_minutes.mic - np.float32(0.5) * five_minutes.echo)
    assert np.isfinite(value)
    assert not reason or name.startswith("convergence")


@pytest.mark.parametrize("gain", [0, 1e-30, 1e30])
def test_an_output_that_is_silent_all_but_silent_or_diverged(name, scene, gain):
    one_score(name, scene(), scene().mic * np.float32(gain))


@pytest.mark.parametrize("kind", Talk)
def test_a_scene_of_one_kind_of_talk_throughout(name, scene, kind):
    signals = scene(far=kind in (Talk.FAR, Talk.DOUBLE), near=kind in (Talk.NEAR, Talk.DOUBLE))
    value, reason = one_score(name, signals, signals.mic * np.float32(0.5), np.full(400, kind))
    if kind not in METRICS[name].talk:
        assert np.isnan(value)
        assert reason.startswith("no ")


def test_an_impulse(name):
    click = np.zeros(RATE, np.float32)
    click[5000] = 1
    signals = Signals(mic=2 * click, far=click, near=click, echo=click, noise=0 * click)
    one_score(name, signals, click)
    one_score(name, signals, 2 * click, np.repeat(np.arange(4), 25))


@pytest.mark.parametrize("shape", [(0,), (1,), (63_999,), (64_001,), (2, 64_000)])
def test_an_output_of_another_shape(name, scene, shape):
    value, reason = one_score(name, scene(), np.ones(shape, np.float32))
    assert np.isnan(value)
    assert reason == f"estimate has shape {shape}, expected (64000,)"


def test_a_recording_without_stems(name, scene):
    unknown = np.full(64_000, np.nan, np.float32)
    signals = scene()._replace(near=unknown, echo=unknown, noise=unknown)
    talk = np.full(400, min(METRICS[name].talk))
    value, reason = one_score(name, signals, signals.mic * np.float32(0.5), talk)
    if METRICS[name].stems:
        assert np.isnan(value)
        assert reason == "no stems: a real recording"
    else:
        assert np.isfinite(value)
