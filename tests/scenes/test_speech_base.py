import numpy as np
import pytest

from aecbench.errors import SourceError
from aecbench.scenes.scene import Speech
from aecbench.scenes.speech import speak

RATE = 1000
FADE = 5  # samples


class Counting:
    """Utterance "a" is 1, 2, 3, ..., and "b" is -1, -2, ...; as long as given."""

    def __init__(self, **lengths):
        self.lengths = lengths

    def load(self, speaker, utterance, rate, seconds=None, start=0.0):
        n = np.arange(1, self.lengths[utterance] + 1, dtype=np.float32)[round(start * rate) :]
        return n if utterance == "a" else -n


def said(spans, utterances=("a", "b"), length=1000, start=0.0, **lengths):
    speech = Speech(speaker="s", utterances=utterances, spans=spans, start=start)
    return speak(Counting(**lengths or {"a": 300, "b": 200}), speech, length, RATE)


def test_utterances_follow_one_another_without_a_break():
    tape = np.concatenate([np.arange(1, 301), -np.arange(1, 201)])
    np.testing.assert_array_equal(said([(0.1, 0.6)])[100 + FADE : 600 - FADE], tape[FADE:-FADE])


def test_a_span_goes_on_where_the_one_before_stopped():
    tape = np.concatenate([np.arange(1, 301), -np.arange(1, 201)])
    x = said([(0.0, 0.2), (0.5, 0.8)])
    np.testing.assert_array_equal(x[FADE : 200 - FADE], tape[FADE : 200 - FADE])
    np.testing.assert_array_equal(x[500 + FADE : 800 - FADE], tape[200 + FADE : 500 - FADE])


def test_it_is_silent_outside_the_spans():
    x = said([(0.1, 0.2), (0.5, 0.6)])
    assert not x[:100].any()
    assert not x[200:500].any()
    assert not x[600:].any()


def test_after_the_last_utterance_comes_the_first_again():
    x = said([(0.0, 1.0)])
    np.testing.assert_array_equal(x[500 + FADE : 1000 - FADE], x[FADE : 500 - FADE])


def test_the_first_utterance_is_met_at_its_start_and_comes_whole_after_the_last():
    tape = np.concatenate([np.arange(121, 301), -np.arange(1, 201), np.arange(1, 301)])
    np.testing.assert_array_equal(said([(0.0, 0.68)], start=0.12)[FADE : 680 - FADE], tape[FADE:-FADE])


@pytest.mark.parametrize("start", [0.3, 5.0])
def test_beyond_the_end_of_the_first_utterance_the_next_one_begins(start):
    np.testing.assert_array_equal(said([(0.0, 0.2)], start=start), said([(0.0, 0.2)], utterances=("b",)))
    np.testing.assert_array_equal(said([(0.0, 0.2)], ("a",), start=start), said([(0.0, 0.2)], ("a",)))


def test_spans_fade_in_and_out():
    x = np.abs(said([(0.25, 0.5)], utterances=("c",), c=100))
    full = np.abs(said([(0.0, 1.0)], utterances=("c",), c=100))[500:750]
    np.testing.assert_allclose(x[250 : 250 + FADE], full[:FADE] * [0.2, 0.4, 0.6, 0.8, 1.0], rtol=1e-6)
    np.testing.assert_allclose(x[500 - FADE : 500], full[-FADE:] * [1.0, 0.8, 0.6, 0.4, 0.2], rtol=1e-6)


def test_only_the_part_within_the_scene_counts():
    np.testing.assert_array_equal(said([(-1.0, 0.1), (0.9, 5.0)])[:95], said([(0.0, 0.1)])[:95])
    assert said([(2.0, 3.0)]).shape == (1000,)


def test_nobody_talks_without_spans():
    x = said([], utterances=())
    assert (x.shape, x.dtype, x.any()) == ((1000,), np.float32, np.False_)


def test_it_loads_no_more_utterances_than_it_needs():
    assert said([(0.0, 0.3)], utterances=("a", "not there"))[100] == 101


@pytest.mark.parametrize(("utterances", "lengths"), [((), {"a": 1}), (("a",), {"a": 0})])
def test_a_turn_with_nothing_to_say_is_refused(utterances, lengths):
    with pytest.raises(SourceError, match="'s' has a turn but no utterance"):
        said([(0.0, 0.5)], utterances=utterances, **lengths)
