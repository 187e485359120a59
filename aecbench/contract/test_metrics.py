"""The contract of every metric."""

import numpy as np
import pytest

from aecbench.contract.audio import RATE, make_dialogue
from aecbench.dsp import levels
from aecbench.metrics import TABLE, Metric, find
from aecbench.metrics import score as score_at
from aecbench.signals import Signals, Talk

CHANGES = [0.9]  # [s]; the echo path of the scene does not change: only how a metric treats a given time is tested
RESPONSES = np.array([1.0, -0.5]), np.array([0.5, -0.25])  # 6 dB of the echo path known

scene = make_dialogue


@pytest.fixture(params=TABLE.offered)
def name(request):
    return request.param


def score(name, signals, estimate, rate, labels=None):
    return score_at(name, signals, estimate, rate, labels, CHANGES, lambda: RESPONSES)


def oracle(signals: Signals) -> np.ndarray:
    return signals.near + signals.noise


def halved(signals: Signals) -> np.ndarray:
    """Return an output in which the echo is 6 dB weaker."""
    return signals.near + signals.noise + np.float32(0.5) * signals.echo


def valid_samples(metric: Metric, signals: Signals) -> np.ndarray:
    """Return the samples that a metric may read, by a simple loop over frames of 10 ms."""
    frames = [kind in metric.talk for kind in levels.talk(signals, RATE)]
    if metric.span:
        first, last = frames.index(True), len(frames) - 1 - frames[::-1].index(True)
        frames = [first <= k <= last for k in range(len(frames))]
    return np.repeat(frames, RATE // 100)


def test_it_says_what_it_is(name):
    metric = find(name)
    assert metric.title
    assert metric.better in ("higher", "lower")
    assert metric.summary in ("mean", "median")
    assert metric.talk
    assert metric.talk <= set(Talk)
    assert metric.version >= 1


def test_what_has_half_of_the_echo_left_gets_a_number_or_a_reason(name):
    result = score(name, scene(), halved(scene()), RATE)
    assert np.isfinite(result.value) or result.reason
    assert not result.failed


def test_it_does_not_prefer_the_microphone_to_the_oracle(name):
    signals = scene()
    gained = score(name, signals, oracle(signals), RATE).value - score(name, signals, signals.mic, RATE).value
    assert np.isnan(gained) or gained * {"higher": 1, "lower": -1}[find(name).better] > -0.5


def test_the_same_input_gives_the_same_value_and_is_left_as_it_was(name):
    estimate = halved(scene())
    before = estimate.copy()
    np.testing.assert_equal(score(name, scene(), estimate, RATE), score(name, scene(), estimate, RATE))
    np.testing.assert_array_equal(estimate, before)


@pytest.mark.parametrize("gain", [0, 1e-30, 1e30])
def test_an_output_that_is_silent_or_has_diverged_gets_a_number_or_a_reason(name, gain):
    result = score(name, scene(), scene().mic * np.float32(gain), RATE)
    assert np.isfinite(result.value) or result.reason


def test_what_is_outside_its_frames_does_not_matter(name):
    signals = scene()
    inside = valid_samples(find(name), signals)
    assert 0 < inside.sum() < inside.size
    loud = np.where(inside, oracle(signals), 10).astype(np.float32)
    assert score(name, signals, loud, RATE) == score(name, signals, oracle(signals), RATE)


def test_labels_may_be_computed_beforehand(name):
    signals = scene()
    labels = levels.talk(signals, RATE)
    assert score(name, signals, signals.mic, RATE, labels) == score(name, signals, signals.mic, RATE)


def test_a_row_of_the_table_serves_for_its_name(name):
    assert score(find(name), scene(), scene().mic, RATE) == score(name, scene(), scene().mic, RATE)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_estimate_that_is_not_finite_is_undefined(name, bad):
    estimate = scene().mic.copy()
    estimate[[123, 4567]] = bad
    value, reason, failed = score(name, scene(), estimate, RATE)
    assert np.isnan(value)
    assert reason == "estimate is not finite at sample 123"
    assert failed


def test_an_estimate_of_another_length_is_undefined(name):
    value, reason, failed = score(name, scene(), scene().mic[:-1], RATE)
    assert np.isnan(value)
    assert reason == "estimate has shape (63999,), expected (64000,)"
    assert failed


def test_a_scene_shorter_than_a_quarter_of_a_second_is_undefined(name):
    signals = Signals(*(stem[27_000:30_900] for stem in scene()))
    labels = np.full(24, min(find(name).talk))
    value, reason, failed = score(name, signals, signals.mic, RATE, labels)
    assert np.isnan(value)
    assert reason == "shorter than 0.25 s"
    assert not failed
