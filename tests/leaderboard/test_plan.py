"""Boards that are planned, and what their corpora are, from checksums alone."""

import os
from pathlib import PurePosixPath

import pytest

from aecbench.assets import folder
from aecbench.corpus.layouts.aec_real import ENDS, MARGIN, pairs
from aecbench.corpus.layouts.build import identity
from aecbench.errors import AecbenchError
from aecbench.leaderboard import check_results, load_results, read_plan, read_rules, verify
from aecbench.metrics import MEMBERS, METRICS
from aecbench.packs import read_pack

BOARDS = folder("leaderboards")
PLANS = sorted(path.stem for path in BOARDS.glob("*.toml"))
BLIND = ("icassp2021", "interspeech2021", "icassp2022", "icassp2023")
HEADER = 44  # bytes of a plain WAV file before its samples, as all files have that were at hand


def seconds(row):
    """The length of a file of one channel with 16 bits, by its size."""
    rate = 48_000 if "icassp2022" in row.path or "icassp2023" in row.path else 16_000
    return (row.bytes - HEADER) / 2 / rate


def corpus_facts(name, packs):
    """Id and scenes of the corpus that `aecbench import` makes of packs, from their lists: no audio is read."""
    rows = {row.path: row for pack in packs for row in read_pack(f"aec-challenge/{pack}").rows}
    top = os.path.commonpath([PurePosixPath(path).parent for path in rows])
    named = {path.removesuffix(".wav"): PurePosixPath(path) for path in rows}
    hashes, scenes = {}, 0
    for ends in pairs(named).values():
        files = [rows[str(ends[end])] for end in ENDS]
        lengths = [seconds(row) for row in files]
        if max(lengths) - min(lengths) <= MARGIN:
            hashes |= {PurePosixPath(row.path).relative_to(top).as_posix(): row.sha256 for row in files}
            scenes += 1
    return identity(name, ["test"] * scenes, hashes), scenes


@pytest.mark.parametrize("name", ["real-v1", "real-v2"])
def test_the_lists_of_a_pack_give_the_corpus_that_a_board_was_made_of(name):
    """The id is that of recordings which were imported; digests follow from the audio."""
    corpus = read_rules(BOARDS / name).corpus
    assert corpus_facts(name, ["real-v1"]) == (corpus.id, corpus.scenes)


def test_the_plan_for_whole_blind_sets_has_the_corpus_that_their_lists_give():
    plan = read_plan(BOARDS / "real-blind-v1")
    assert corpus_facts("real-blind-v1", [f"blind_test_set_{name}" for name in BLIND]) == (
        plan.corpus.id,
        plan.corpus.scenes,
    )


@pytest.mark.parametrize("name", PLANS)
def test_every_plan_can_be_read_and_ranks_by_its_own_metrics(name):
    plan = read_plan(BOARDS / name)
    assert set(plan.ranked_by) <= set(plan.metrics) <= METRICS.keys() | MEMBERS.keys()
    assert not (BOARDS / name).exists()
    assert name in plan.rebuild


PLAN = """
title = "Toys, planned"
rebuild = "aecbench simulate toy.toml"
metrics = ["erle", "erle_true", "si_sdr", "near_attenuation"]
ranked_by = ["si_sdr", "erle"]
[corpus]
scenes = {scenes}
"""


@pytest.fixture
def planned(results, tmp_path):
    """A folder of boards with a plan that the results fit."""
    scenes = load_results(results).provenance["corpus"]["scenes"]
    place = tmp_path / "boards"
    place.mkdir()
    (place / "planned-v1.toml").write_text(PLAN.format(scenes=scenes))
    return place


def test_a_planned_board_is_made_by_its_name_alone(aecbench, planned, results):
    run = aecbench("leaderboard", "new", "planned-v1", results, "--boards", planned)
    assert run.exit_code == 0, run.output
    rules = read_rules(planned / "planned-v1")
    assert (rules.title, rules.rebuild) == ("Toys, planned", "aecbench simulate toy.toml")
    assert rules.ranked_by == ("si_sdr", "erle")
    assert verify(planned / "planned-v1") == []


def test_options_cannot_change_a_planned_board(aecbench, planned, results):
    run = aecbench("leaderboard", "new", "planned-v1", results, "--boards", planned, "--title", "Mine")
    assert run.exit_code == 2
    assert "planned-v1 is planned, so its plan sets title; leave out the options" in run.output
    assert not (planned / "planned-v1").exists()


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("scenes = ", "scenes = 1", r"of a corpus with scenes \d+, expected 1\d+; make it with: aecbench simulate"),
        ("[corpus]", f'[corpus]\nid = "{64 * "0"}"', r"of a corpus with id [0-9a-f]{12}, expected 000000000000; make"),
        ('"near_attenuation"', '"pesq"', r"have the metrics erle, .*, expected erle, erle_true, si_sdr, pesq"),
        ('"near_attenuation"]', '"nosuch"', r"planned-v1.toml: "),
    ],
)
def test_results_that_do_not_fit_a_plan_are_refused(planned, results, old, new, problem):
    file = planned / "planned-v1.toml"
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(AecbenchError, match=problem):
        check_results(read_plan(planned / "planned-v1"), "planned-v1", load_results(results))
