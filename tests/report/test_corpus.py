"""The summary of a corpus: what was asked for, what was measured, and where they differ."""

import io

import numpy as np
import pytest
from rich.console import Console

from aecbench.errors import ConfigError
from aecbench.recipe import read_recipe
from aecbench.report.corpus import corpus_facts, corpus_report, missed_rt60
from aecbench.scenes.draw import draw
from aecbench.simulation import simulate

LONG = {"room.rt60": {"uniform": [0.06, 0.2]}, "room.length": {"uniform": [5, 8]}, "room.width": 3}


@pytest.fixture(scope="module")
def short(tmp_path_factory, recipe_file):
    """Corpora of long rooms with short reverberation, some of which cannot be had: as drawn, and drawn again."""
    folder = tmp_path_factory.mktemp("short")
    return [
        simulate(read_recipe(str(recipe_file), (), LONG | more, scenes=16, split="test"), folder / f"{len(more)}")
        for more in ({}, {"room.tolerance": 0.2})
    ]


def text(corpus):
    console = Console(file=io.StringIO(), width=400)
    console.print(corpus_report(corpus))
    return console.file.getvalue()


def test_rooms_without_the_reverberation_time_they_were_asked_for_are_told(short):
    missed = missed_rt60(short[0])
    errors = (missed["t20"] / missed["room.rt60"] - 1).abs()
    assert (errors > 0.2).all()
    assert errors.is_monotonic_decreasing
    assert corpus_facts(short[0])["missed_rt60"] == len(missed) > 0
    shown = text(short[0])
    assert "as T20 measures it" in shown
    assert f"in {len(missed)} scenes the measured T20 is more than 20 % off rt60; at worst, in toy-v1/test/" in shown
    assert "--set room.tolerance=0.2" in shown


def test_the_ratio_that_was_drawn_and_the_one_in_double_talk_are_both_shown(corpus):
    lines = {line.split()[0]: line for line in text(corpus).splitlines() if line.strip()}
    for name in ("ser", "ser_double"):
        values = corpus.scenes[name].dropna()
        assert f"{values.min():g} " in lines[name]
        assert f"{values.max():g} dB, median {values.median():.3g}" in lines[name]


def test_a_tolerance_has_them_drawn_again(short):
    assert missed_rt60(short[1]).empty
    assert short[1].scenes["room.redrawn"].sum() > short[0].scenes["room.redrawn"].sum()
    assert "warning" not in text(short[1])
    kept = short[0].scenes["room.rt60"].to_numpy()
    np.testing.assert_array_equal(short[1].scenes["room.rt60"], kept)  # what was asked for stays


def test_a_room_that_is_never_within_the_tolerance_is_explained(recipe_file):
    spec = read_recipe(str(recipe_file), (), LONG | {"room.rt60": 0.06, "room.length": 8, "room.tolerance": 0.02})
    with pytest.raises(ConfigError, match=r"none of 100 drawn rooms is possible; .* has a T20 of .* s, not 0\.06 s"):
        draw(spec, "test", 0)


def test_what_cannot_be_measured_is_no_miss(corpus):
    changed = corpus[:]
    changed.scenes = changed.scenes.assign(t20=np.nan)
    assert missed_rt60(changed).empty
    assert "T20" not in text(changed)
    changed.scenes = changed.scenes.drop(columns=["room.rt60"])
    assert missed_rt60(changed).empty
    assert "rt60" not in text(changed)
