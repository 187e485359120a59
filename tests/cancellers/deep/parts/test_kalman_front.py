"""The Kalman filter in front of a network: values from the baseline's card, ranges from the filter."""

from dataclasses import replace

import pytest

from aecbench.cancellers.deep.deep_adaptive import DeepAdaptive, DeepAdaptiveConfig
from aecbench.errors import ConfigError
from aecbench.record import parse
from aecbench.systems import load_system

BASELINE = load_system("kalman", "none").canceller


def front(**fields):
    return DeepAdaptive(DeepAdaptiveConfig(bands=4, hidden=4, small=4, **fields)).front


def test_values_are_those_of_the_baseline():
    assert front() == BASELINE
    assert front(hop_length=128) == replace(BASELINE, block=128)


def test_given_values_replace_those_of_the_baseline():
    assert front(kalman={"taps": 1024, "decay": 20.0}) == replace(BASELINE, taps=1024, decay=20.0)


def test_without_taps_there_is_no_filter():
    assert front(kalman={"taps": 0}) is None


def test_all_values_are_written_to_the_card_of_a_network():
    table = DeepAdaptiveConfig(kalman={"decay": 20.0}).model_dump()["kalman"]
    assert set(table) == {"taps", "transition", "shadow_transition", "smoothing", "decay"}
    assert (table["transition"], table["decay"]) == (BASELINE.transition, 20.0)


def test_the_released_network_has_the_values_that_it_was_trained_with():
    """They are on its card, whatever becomes of the baseline."""
    table = {"taps": 4096, "transition": 0.9998929, "shadow_transition": 0.7373, "smoothing": 0.91707, "decay": 30.34}
    assert load_system("deep_adaptive", "none").parameters["kalman"] == table


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"transitions": 0.9}, "unknown key 'transitions': did you mean 'transition'"),
        ({"smoothing": 1.0}, "Kalman: smoothing is 1.0, expected a number from 0 to 0.999"),
        ({"taps": 1000}, "Kalman: taps is 1000, expected a multiple of block = 256"),
        ({"taps": "many"}, "Kalman: taps is 'many', expected a whole number of at least 1"),
    ],
)
def test_values_that_the_filter_refuses_are_refused_with_its_words(table, message):
    with pytest.raises(ConfigError, match=message):
        parse(DeepAdaptiveConfig, {"kalman": table}, "card")
