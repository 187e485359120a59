import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from aecbench.plots import plot_corpus
from aecbench.plots.corpus import Bars, Histogram, distributions, overview
from aecbench.plots.quantities import drawn


def by_name(scenes):
    return {panel.name: panel for panel in distributions(scenes)}


def table(**columns):
    return pd.DataFrame({"split": "test"} | columns)


def test_every_scene_is_counted_once_in_its_split(corpus):
    sizes = corpus.scenes["split"].value_counts()
    panels = by_name(corpus.scenes)
    for name in ("talk", "channel.delay", "noise.kind", "loudspeaker.model"):
        assert {split: counts.sum() for split, counts in panels[name].counts.items()} == dict(sizes)


def test_scenes_without_a_number_are_not_counted(corpus):
    counts = by_name(corpus.scenes)["ser"].counts
    with_echo = corpus.scenes.dropna(subset="ser")["split"].value_counts()
    assert {split: count.sum() for split, count in counts.items()} == dict(with_echo)


def test_every_number_that_varies_is_drawn(corpus):
    numbers = corpus.scenes.drop(columns=["row", "index"]).select_dtypes("number")
    vary = {name for name in numbers if numbers[name].nunique() > 1 and not name.endswith((".seed", ".start"))}
    assert vary <= set(by_name(corpus.scenes))


def test_every_change_is_counted(changing):
    scene = changing[0].scene
    row = drawn(changing.scenes.iloc[0])
    assert row["channel.jumps.value"] == pytest.approx([1000 * delay for _, delay in scene.channel.jumps])
    assert (row["channel.gaps"], row["path.switches"]) == ([2], [2])


def test_a_movement_is_as_long_as_its_path(moving):
    room = moving[0].scene.room
    steps = np.diff([room.loudspeaker, *room.later], axis=0)
    length = np.linalg.norm(steps, axis=1).sum()  # in a straight line
    assert drawn(moving.scenes.iloc[0])["path.moved"] == pytest.approx([length], abs=0.01)


@given(arrays(float, st.integers(2, 200), elements=st.floats(-1e6, 1e6, width=32), unique=True))
def test_no_number_falls_outside_its_histogram(values):
    (panel,) = distributions(table(ser=values))
    assert isinstance(panel, Histogram)
    assert panel.counts["test"].sum() == values.size


def test_whole_numbers_have_a_bin_each():
    (panel,) = distributions(table(**{"room.redrawn": [0, 0, 1, 3]}))
    np.testing.assert_array_equal(panel.edges, [-0.5, 0.5, 1.5, 2.5, 3.5])
    np.testing.assert_array_equal(panel.counts["test"], [2, 1, 0, 1])


def test_names_are_counted_most_frequent_first_and_none_last():
    (panel,) = distributions(table(**{"noise.kind": ["pink", None, "white", None, None, "white"]}))
    assert isinstance(panel, Bars)
    assert panel.names == ["white", "pink", "none"]
    np.testing.assert_array_equal(panel.counts["test"], [2, 1, 3])


def test_talkers_are_told_not_drawn(corpus):
    assert "far.speaker" not in by_name(corpus.scenes)
    assert f"{corpus.scenes['far.speaker'].nunique()} far-end talkers" in overview(corpus)[1]


def test_what_never_varies_is_told_not_drawn(corpus):
    assert not {"duration", "rate", "room.rt60"} & by_name(corpus.scenes).keys()
    for words in ("duration 3 s", "rate 16 kHz", "requested RT60 0.2 s"):
        assert words in overview(corpus)[-1]


def test_a_column_of_tomorrow_is_drawn_too(corpus):
    scenes = corpus.scenes.assign(**{"channel.jitter": np.linspace(0, 1, len(corpus))})
    assert by_name(scenes)["channel.jitter"].counts["test"].sum() == 6


def test_the_overview_says_which_corpus_and_how_large(corpus):
    first, second = overview(corpus)[:2]
    assert corpus.id[:12] in first
    assert corpus.digest[:12] in first
    assert second.startswith("2 val, 6 test scenes, 0.01 h")


@pytest.mark.parametrize("scenes", [slice(None), slice(0, 1)])
def test_a_corpus_and_a_single_scene_have_a_picture(corpus, tmp_path, scenes):
    plot_corpus(corpus[scenes], tmp_path / "new" / "overview.png")
    assert (tmp_path / "new" / "overview.png").read_bytes().startswith(b"\x89PNG")
