"""The contract: every row of METRICS keeps it."""

from dataclasses import replace

import numpy as np
import pytest

from aecbench.contract.test_metrics import *  # noqa: F403
from aecbench.contract.test_metrics import CHANGES, halved, oracle, score, valid_samples
from aecbench.dsp import levels
from aecbench.errors import UnknownName
from aecbench.metrics import DEFAULT_METRICS, METRICS, Trial, base
from aecbench.signals import Signals, Talk

RATE = 16_000

INDIFFERENT = {"level", "near_attenuation", "lsd", "noise_reduction", "pumping"}  # to the echo
NOISE = {"noise_reduction", "pumping"}  # metrics that look at the pauses
HELD = {"erle_tail", "pumping"}  # at a bound in many scenes, so that two may well have the same value
DEAF = {name for name in METRICS if METRICS[name].responses}  # to all signals

near_only = [name for name in METRICS if Talk.NEAR in METRICS[name].talk]


@pytest.fixture(params=METRICS)
def name(request):
    return request.param


def first(stem: np.ndarray) -> np.ndarray:
    return stem if stem.ndim == 1 else stem[0]


def apply(name: str, signals: Signals, estimate: np.ndarray) -> np.ndarray:
    """The bare function of a row, on whole signals."""
    metric = METRICS[name]
    more = ([round(t * RATE) for t in CHANGES],) if metric.changes else ()
    if metric.labels:
        more = (levels.to_samples(levels.talk(Signals(*map(first, signals)), RATE), RATE, estimate.shape[-1]),)
    return metric.fn(signals, estimate, RATE, *more)


def test_what_has_half_of_the_echo_left_gets_a_finite_value(name, scene):
    result = score(name, scene(), halved(scene()), RATE)
    assert np.isfinite(result.value)
    assert result.reason == ("" if not name.startswith("convergence") else f"{name[-2:]} dB not reached in 2.57 s")
    assert not result.failed


@pytest.mark.parametrize("name", sorted(METRICS.keys() - INDIFFERENT - DEAF - {"reconvergence"}))  # no mark for the mic
def test_the_oracle_is_better_than_the_microphone(name, scene):
    signals = scene()
    gained = score(name, signals, oracle(signals), RATE).value - score(name, signals, signals.mic, RATE).value
    assert gained * {"higher": 1, "lower": -1}[METRICS[name].better] > 0.1


@pytest.mark.parametrize("name", sorted(INDIFFERENT))
def test_the_echo_that_is_left_is_nothing_to_a_metric_of_the_near_end_alone(name, scene):
    signals = scene()
    assert score(name, signals, oracle(signals), RATE).value == pytest.approx(
        score(name, signals, signals.mic, RATE).value, abs=0.5
    )


@pytest.mark.parametrize("name", sorted(METRICS.keys() - DEAF - HELD))
def test_what_is_inside_its_frames_does_matter(name, scene):
    signals = scene()
    inside = valid_samples(METRICS[name], signals)
    noise = 0.2 * np.random.default_rng(1).standard_normal(inside.size)
    changed = np.where(inside, oracle(signals) + noise, oracle(signals)).astype(np.float32)
    assert score(name, signals, changed, RATE) != score(name, signals, oracle(signals), RATE)


@pytest.mark.parametrize("name", sorted(METRICS.keys() - {"stoi", "estoi", *NOISE}))  # they take pauses out themselves
def test_a_pause_of_the_near_end_matters_to_a_span_only(name, scene):
    signals = scene()
    estimate = oracle(signals)
    pause = slice(round(3.05 * RATE), round(3.25 * RATE))  # the activity holds on for 0.2 s
    assert set(levels.talk(signals, RATE)[305:325]) == {Talk.SILENCE}
    estimate[pause] = signals.far[pause.start - RATE : pause.stop - RATE]
    changed = score(name, signals, estimate, RATE) != score(name, signals, oracle(signals), RATE)
    assert changed == METRICS[name].span


@pytest.mark.parametrize("name", sorted(METRICS.keys() - DEAF))
def test_a_batch_is_scored_row_by_row(name, scene):
    both = Signals(*(np.stack(stems) for stems in zip(scene(0), scene(1), strict=True)))
    estimate = (0.05 * both.mic + both.noise[::-1]).astype(np.float32)
    rows = [apply(name, scene(seed), estimate[seed]) for seed in (0, 1)]
    assert rows[0] != rows[1] or name in HELD or METRICS[name].unit == "s"  # times come in steps
    np.testing.assert_allclose(apply(name, both, estimate), rows, rtol=1e-9)


@pytest.mark.parametrize("name", sorted(METRICS.keys() - DEAF))
def test_an_undefined_row_of_a_batch_is_nan_and_spoils_no_other(name, scene):
    both = Signals(*(np.stack([stem, 0 * stem]) for stem in scene()))
    value, undefined = apply(name, both, halved(both))
    assert np.isfinite(value)
    assert np.isnan(undefined)


@pytest.mark.parametrize("name", near_only)
def test_without_near_end_speech_a_near_end_metric_is_undefined(name, scene):
    value, reason, failed = score(name, scene(near=False), scene().mic, RATE)
    assert np.isnan(value)
    assert reason.startswith("no near-end single talk")
    assert not failed


def test_without_far_end_speech_erle_is_undefined(scene):
    value, reason, failed = score("erle", scene(far=False), scene().mic, RATE)
    assert np.isnan(value)
    assert reason == "no far-end single talk"
    assert not failed


@pytest.mark.parametrize("name", sorted(METRICS.keys() - DEAF))
def test_a_silent_estimate_fails_or_is_at_the_limit_and_never_zero(name, scene):
    result = score(name, scene(), 0 * scene().mic, RATE)
    limit = {"erle_raw": 100, "residual_level": -100, "level": -100, "near_attenuation": 100, "noise_reduction": 100}
    if name in limit:
        assert result == (limit[name], "", False)
    elif name in {"erle", "erle_tail"}:
        assert result.value == pytest.approx(score(name, scene(), oracle(scene()), RATE).value, abs=1e-6)
    elif name in {"pumping", "pesq", "pesq_nb", "pesq_raw", "stoi", "estoi", "si_sdr", "sdr", "fsdr"}:
        np.testing.assert_equal(tuple(result), (np.nan, "estimate is silent", True))
    else:  # it is an echo that is gone, or speech
        assert result.value == pytest.approx(score(name, scene(), scene().mic * np.float32(1e-9), RATE).value, abs=1e-6)
        assert result.value > 0


@pytest.mark.parametrize("name", sorted(METRICS.keys() - DEAF))
def test_silent_stems_are_undefined_whatever_the_labels(name, scene):
    signals = Signals(*(0 * stem for stem in scene()))
    labels = np.full(400, min(METRICS[name].talk))
    value, reason, failed = score(name, signals, scene().mic, RATE, labels)
    assert np.isnan(value)
    assert reason == (
        "mic is silent" if name != "reconvergence" else "the echo path does not change while the far end talks"
    )
    assert not failed


def test_an_unknown_name_gets_advice(scene):
    with pytest.raises(UnknownName, match="unknown metric 'sisdr': did you mean 'si_sdr'"):
        score("sisdr", scene(), scene().mic, RATE)


def test_the_columns_have_an_order_and_each_its_heading():
    assert list(METRICS)[:5] == ["erle_true", "near_attenuation", "erle", "noise_reduction", "pumping"]
    assert list(DEFAULT_METRICS) == [name for name in METRICS if name in DEFAULT_METRICS]
    assert all(DEFAULT_METRICS[name] is METRICS[name] for name in DEFAULT_METRICS)
    assert len({metric.title for metric in METRICS.values()}) == len(METRICS)


def test_what_compares_with_the_near_end_looks_at_the_whole_span():
    assert {name for name in METRICS if METRICS[name].span} == {
        "pesq",
        "pesq_nb",
        "pesq_raw",
        "pesq_clean",
        "stoi",
        "estoi",
        "si_sdr",
        "sdr",
        "fsdr",
    }


def test_a_metric_that_calls_exit_has_failed(scene):
    def exits(*_):
        raise SystemExit(2)

    trial = Trial(scene(), scene().mic, RATE)
    assert base.score(replace(METRICS["erle"], fn=exits), trial)[1:] == ("SystemExit: 2", True)
