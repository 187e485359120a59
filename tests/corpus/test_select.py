import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aecbench.errors import UnknownName, UsageError
from aecbench.scenes.conditions import CONDITIONS


def chosen(corpus) -> list[str]:
    return corpus.scenes["scene"].tolist()


def naive(corpus, column: str, keep) -> list[str]:
    return [row["scene"] for _, row in corpus.scenes.iterrows() if keep(row[column])]


@given(low=st.floats(-12, 12), high=st.floats(-12, 12))
def test_a_tuple_is_a_closed_interval(corpus, low, high):
    low, high = sorted((low, high))
    assert chosen(corpus.where(ser=(low, high))) == naive(corpus, "ser", lambda ser: low <= ser <= high)


@given(data=st.data())
def test_both_ends_of_an_interval_belong_to_it(corpus, data):
    values = st.sampled_from(corpus.scenes["ser"].dropna().tolist())
    low, high = sorted((data.draw(values), data.draw(values)))
    assert {low, high} <= set(corpus.where(ser=(low, high)).scenes["ser"])


@given(kinds=st.sets(st.sampled_from(["white", "pink", "babble", "none such"])), ordered=st.booleans())
def test_a_list_or_a_set_means_one_of_its_members(corpus, kinds, ordered):
    wanted = sorted(kinds) if ordered else kinds
    assert chosen(corpus.where(noise=wanted)) == naive(corpus, "noise.kind", lambda kind: kind in kinds)


@given(index=st.integers(0, 7))
def test_a_value_means_itself(corpus, index):
    ser = corpus.scenes["ser"][index]
    assert chosen(corpus.where(ser=ser)) == naive(corpus, "ser", lambda other: other == ser)


@given(model=st.sampled_from(["linear", "zhang_wang"]), high=st.floats(-10, 10))
def test_conditions_add_up(corpus, model, high):
    both = corpus.where(loudspeaker=model, ser=(-10, high))
    assert chosen(both) == chosen(corpus.where(ser=(-10, high)).where(loudspeaker=model))


def test_none_means_that_there_is_nothing_of_the_kind(corpus):
    assert chosen(corpus.where(ser=None)) == naive(corpus, "ser", math.isnan)
    assert 0 < len(corpus.where(ser=None)) < len(corpus)


def test_any_column_can_be_asked_for(corpus):
    assert chosen(corpus.where(**{"loudspeaker.model": "linear"})) == chosen(corpus.where(loudspeaker="linear"))


def test_what_is_chosen_reads_as_before(corpus):
    index = corpus.scenes["split"].tolist().index("test")
    first = corpus.where(split="test")[0]
    assert first.scene == corpus[index].scene
    np.testing.assert_array_equal(first.signals, corpus[index].signals)


def test_nothing_found_is_an_empty_corpus(corpus):
    assert len(corpus.where(ser=(90, 91))) == 0
    assert list(corpus.where(ser=(90, 91))) == []


def test_a_condition_that_no_scene_has_finds_none(corpus):
    assert len(corpus.where(drift=(-1000, -1))) == 0


def test_an_unknown_condition_names_the_nearest(corpus):
    with pytest.raises(UnknownName, match="did you mean 'loudspeaker'"):
        corpus.where(loudspeeker="linear")


@pytest.mark.parametrize("interval", [(1, 2, 3), (1,), (2, 1), ("a", "b"), (None, 1)])
def test_what_is_no_interval_is_refused(corpus, interval):
    with pytest.raises(UsageError, match="ser="):
        corpus.where(ser=interval)


def test_to_pandas_is_a_copy_with_the_conditions(corpus):
    table = corpus.to_pandas()
    assert set(CONDITIONS) <= set(table)
    assert table["loudspeaker"].tolist() == table["loudspeaker.model"].tolist()
    table["ser"] = 0.0
    assert corpus.scenes["ser"].nunique() > 1


@given(count=st.integers(1, 20))
def test_shares_are_disjoint_whole_and_even(corpus, count):
    shares = [corpus.share(rank, count) for rank in range(count)]
    assert [scene for share in shares for scene in chosen(share)] == chosen(corpus)
    sizes = [len(share) for share in shares]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(("rank", "count"), [(2, 2), (-1, 2), (0, 0)])
def test_a_rank_out_of_range_is_refused(corpus, rank, count):
    with pytest.raises(UsageError, match=f"rank {rank} of {count}"):
        corpus.share(rank, count)
