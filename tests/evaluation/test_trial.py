"""A run as its metrics see it."""

import re

import numpy as np
import pytest

from aecbench.cancellers.abilities import learnt_response
from aecbench.cancellers.align import FixedDelay, aligned
from aecbench.cancellers.kalman import Kalman
from aecbench.cancellers.nlms import NLMS
from aecbench.cancellers.passthrough import Passthrough
from aecbench.dsp.delay import delay
from aecbench.evaluation.run import run
from aecbench.evaluation.trial import ECHO, path_changes, scores_of, trial_of
from aecbench.metrics import METRICS
from aecbench.systems import System


def test_the_echo_path_changes_with_response_delay_and_volume(corpus):
    scene = corpus[0].scene
    assert path_changes(scene) == []
    channel = scene.channel.model_copy(update={"jumps": ((1.0, 0.1),), "volume": ((2.0, -6.0), (2.5, 0.0))})
    path = scene.path.model_copy(update={"kind": "switch", "times": (2.0,)})
    assert path_changes(scene.model_copy(update={"channel": channel, "path": path})) == [1.0, 2.0, 2.5]


def test_the_response_of_a_run_is_that_after_the_last_whole_block(corpus):
    item = next(item for item in corpus.split("val") if item.scene.loudspeaker.model == "linear" and item.scene.far)
    shorter = type(item.signals)(*(x[: item.signals.mic.size - 100] for x in item.signals))
    cut, inside = item._replace(signals=shorter), Kalman(taps=512)
    for canceller in (NLMS(taps=512), inside, aligned(inside, FixedDelay(10)), aligned(inside, FixedDelay(-10))):
        system = System("x", canceller, "tests:x", {})
        done = run(system, cut, 1.0)
        np.testing.assert_array_equal(done.estimate, canceller.cancel(shorter.mic, shorter.far))
        _, response = trial_of(system, cut, done, done.estimate).responses()
        np.testing.assert_array_equal(response, learnt_response(canceller, shorter.mic, shorter.far))


@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
@pytest.mark.parametrize("seconds", [0.05, 1.2, None])
def test_an_echo_is_found_at_any_sample_rate(corpus, rate, seconds):
    item = next(iter(corpus))
    far, other = 0.1 * np.random.default_rng(0).normal(size=(2, 6 * rate)).astype(np.float32)
    mic = other if seconds is None else 0.3 * delay(far, round(seconds * rate)) + 0.1 * other
    signals = type(item.signals)(*[far if name == "far" else mic for name in item.signals._fields])
    there = item._replace(signals=signals, scene=item.scene.model_copy(update={"rate": rate}))
    _, scores = scores_of(System("x", Passthrough(), "tests:x", {}), there, 1.0, {})
    assert scores[ECHO].value == (seconds is not None)


class Counting(NLMS):
    """Counts the blocks of `cancel`, one by one or in strides, and those of `step`."""

    blocks = steps = 0

    def consume(self, state, mic, far):
        Counting.blocks += 1
        return super().consume(state, mic, far)

    def step(self, state, mic, far):
        Counting.steps += 1
        return super().step(state, mic, far)


def counts(call):
    Counting.blocks = Counting.steps = 0
    call()
    return Counting.blocks, Counting.steps


@pytest.mark.parametrize("metrics", [("erle_true",), ("erle_true", "misalignment")])
def test_metrics_do_not_change_what_is_timed(corpus, metrics, monkeypatch):
    item = next(item for item in corpus if item.scene.loudspeaker.model == "linear" and item.scene.far)
    system, timed = System("counting", Counting(taps=128), "tests:Counting", {}), []
    chosen = {name: METRICS[name] for name in metrics}
    run(system, item, 1.0)  # warms up
    plain = counts(lambda: system.canceller.cancel(item.signals.mic, item.signals.far))
    monkeypatch.setattr("aecbench.evaluation.run.processor_time", lambda: timed.append(counts_now()) or 0.0)
    counts(lambda: scores_of(system, item, 1.0, chosen))
    began, ended = timed
    assert tuple(np.subtract(ended, began)) == plain
    assert plain > (0, 0)
    assert (Counting.steps > 0) == ("misalignment" in metrics)


def counts_now():
    return Counting.blocks, Counting.steps


class Unresponsive(NLMS):
    """A filter whose response cannot be had."""

    def impulse_response(self, state):
        """Return nothing, or a number after the first block."""
        if state.weights.any():
            raise KeyError("weights")
        return np.zeros(1)


def test_a_response_that_fails_is_the_reason_of_its_metric_alone(corpus):
    item = next(item for item in corpus.split("val") if item.scene.loudspeaker.model == "linear" and item.scene.far)
    system = System("ours", Unresponsive(), "tests:x", {})
    _, scores = scores_of(system, item, 1.0, {name: METRICS[name] for name in ("misalignment", "erle")})
    reason = r"^ours: its impulse response failed: KeyError: 'weights' \(test_trial.py, line \d+\)$"
    assert re.search(reason, scores["misalignment"].reason)
    assert scores["misalignment"].failed
    assert np.isfinite(scores["erle"].value)
