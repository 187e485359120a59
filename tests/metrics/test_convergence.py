"""How ERLE goes with time, and what is read off it."""

import numpy as np
import pytest

from aecbench.metrics import METRICS, score
from aecbench.metrics.base import AtLeast
from aecbench.metrics.convergence import convergence
from aecbench.metrics.erle_segmental import SEGMENT, segmental
from aecbench.metrics.erle_tail import erle_tail
from aecbench.metrics.reconvergence import reconvergence
from aecbench.signals import Signals

RATE = 16_000


def echo_alone(seconds: float = 6.0) -> Signals:
    echo = np.random.default_rng(0).standard_normal(round(seconds * RATE)).astype(np.float32)
    return Signals(mic=echo, far=echo, near=0 * echo, echo=echo, noise=0 * echo)


def with_erle(signals: Signals, *curve: tuple[float, float]) -> np.ndarray:
    """Estimate with the ERLE [dB] that the curve (time [s], ERLE from then on) says."""
    t = np.arange(signals.mic.size) / RATE
    gains = np.select([t >= start for start, _ in reversed(curve)], [10 ** (-db / 20) for _, db in reversed(curve)])
    return signals.near + signals.noise + gains * signals.echo


def test_the_curve_is_the_erle_of_every_quarter_of_a_second():
    signals = echo_alone(1.1)
    curve = segmental(signals, with_erle(signals, (0, 3), (0.25, 7), (0.5, 20), (0.75, 40)), RATE)
    np.testing.assert_allclose(curve, [3, 7, 20, 40], atol=0.01)


def test_the_curve_has_gaps_where_the_far_end_is_silent(scene):
    curve = segmental(scene(), scene().mic, RATE)
    assert curve.shape == (round(4 / SEGMENT),)
    np.testing.assert_array_equal(np.isnan(curve), np.arange(16) >= 10)  # echo until 2.4 s, held on for 0.2 s
    np.testing.assert_allclose(curve[:10], 0, atol=0.01)


def test_the_mean_is_one_of_decibels_over_segments_with_echo(scene):
    signals = scene()
    silent = Signals(*(np.concatenate([x, 0 * x]) for x in signals))
    estimate = with_erle(silent, (0, 10), (1, 20))
    expected = (4 * 10 + 6 * 20) / 10
    assert score("erle_segmental", silent, estimate, RATE).value == pytest.approx(expected, abs=0.05)


def test_the_exact_echo_subtracted_gives_the_limit_in_every_segment():
    signals = echo_alone(1)
    np.testing.assert_array_equal(segmental(signals, 0 * signals.mic, RATE), 100)


def test_a_canceller_has_converged_at_the_end_of_the_first_segment_that_is_good_enough():
    signals = echo_alone()
    estimate = with_erle(signals, (0, 5), (1, 10.1), (3, 25))
    assert score("convergence_10", signals, estimate, RATE).value == 1.25
    assert score("convergence_20", signals, estimate, RATE).value == 3.25


def test_only_far_end_activity_counts_as_time_to_converge():
    signals = echo_alone()
    pause = np.ones(signals.mic.size, np.float32)
    pause[RATE : 3 * RATE] = 0
    paused = Signals(*(x * pause for x in signals))
    value = score("convergence_20", paused, with_erle(paused, (0, 5), (4, 25)), RATE).value
    assert value == pytest.approx(1 + 1 + 0.2 + 0.25, abs=0.25)  # activity holds on for 0.2 s


def test_never_to_converge_counts_as_all_the_time_there_was_and_says_so():
    signals = echo_alone()
    estimate = with_erle(signals, (0, 5), (2, 19))
    assert score("convergence_20", signals, estimate, RATE) == (6.0, "20 dB not reached in 6.00 s", False)
    with pytest.raises(AtLeast, match="15 dB not reached") as caught:
        convergence(signals, with_erle(signals, (0, 14)), RATE, target=15.0)
    assert caught.value.value == 6.0


def test_in_a_batch_a_lower_bound_is_the_value():
    signals = Signals(*(np.stack([x, x]) for x in echo_alone()))
    estimate = np.stack([with_erle(echo_alone(), (0, 0)), with_erle(echo_alone(), (0, 30))])
    np.testing.assert_array_equal(convergence(signals, estimate, RATE, target=15.0), [6.0, 0.25])


def test_a_canceller_is_back_when_3_db_are_missing_to_the_second_before_the_change():
    signals = echo_alone()
    estimate = with_erle(signals, (0, 5), (1, 20), (3, 2), (3.5, 16.9), (4, 17.1))
    assert score("reconvergence", signals, estimate, RATE, changes=[3.0]).value == 1.25


def test_several_changes_give_the_mean():
    signals = echo_alone()
    estimate = with_erle(signals, (0, 20), (2, 0), (2.5, 20), (4, 0), (5.25, 20))
    assert score("reconvergence", signals, estimate, RATE, changes=[2.0, 4.0]).value == (0.75 + 1.5) / 2


def test_never_to_come_back_counts_as_the_time_until_the_end_and_says_so():
    signals = echo_alone()
    result = score("reconvergence", signals, with_erle(signals, (0, 20), (4, 10)), RATE, changes=[4.0])
    assert result == (2.0, "not back within 3 dB after 1 of 1 changes", False)


def test_times_of_changes_are_those_of_the_whole_scene():
    signals = echo_alone()
    late = np.arange(signals.mic.size) >= RATE
    quiet = Signals(*(x * late for x in signals))  # the far end begins at 1 s
    estimate = with_erle(quiet, (0, 20), (4, 0), (4.5, 20))
    assert score("reconvergence", quiet, estimate, RATE, changes=[4.0]).value == 0.75


def test_the_exact_echo_is_never_lost():
    signals = echo_alone()
    estimate = 1e-9 * signals.mic
    estimate[: 2 * RATE] = 0  # infinite before the change
    assert score("reconvergence", signals, estimate, RATE, changes=[2.0]).value == 0.25


def test_who_had_not_converged_has_no_time_to_come_back():
    signals = echo_alone()
    value, reason, failed = score("reconvergence", signals, signals.mic, RATE, changes=[3.0])
    assert np.isnan(value)
    assert reason == "less than 3 dB before the echo path changes"
    assert failed


@pytest.mark.parametrize("changes", [[], [0.0], [0.2], [5.9], [7.0]])
def test_without_a_change_amid_far_end_talk_there_is_nothing_to_come_back_to(changes):
    signals = echo_alone()
    value, reason, failed = score("reconvergence", signals, with_erle(signals, (0, 20)), RATE, changes=changes)
    assert np.isnan(value)
    assert reason == "the echo path does not change while the far end talks"
    assert not failed


def test_changes_go_to_metrics_that_ask_for_them_only(scene):
    asking = [name for name in METRICS if METRICS[name].changes]
    assert asking == ["reconvergence"]
    assert reconvergence(echo_alone(), 0 * echo_alone().mic, RATE, [2 * RATE]) == 0.25


def test_the_tail_is_the_last_quarter(scene):
    signals = echo_alone(4)
    assert erle_tail(signals, with_erle(signals, (0, 0), (3, 20)), RATE) == pytest.approx(20, abs=0.01)
    assert erle_tail(signals, with_erle(signals, (0, 20), (3.5, 0)), RATE) < 4
    estimate = with_erle(scene(), (0, 0), (1.2, 20))  # far-end single talk lasts until 1.6 s
    assert score("erle_tail", scene(), estimate, RATE).value == pytest.approx(20, abs=1)  # noise
