"""Rules of today and of the boards that were there before."""

import pandas as pd
import pytest

from aecbench.corpus.format import SIMULATOR
from aecbench.errors import UsageError
from aecbench.leaderboard import find_board, new_board, open_board
from aecbench.leaderboard.readme import board_readme, boards_readme, order
from aecbench.metrics import METRICS, of_version
from aecbench.results import LOST_RULE, ResultTable, heading

SCENES = 40


def results(**lost) -> ResultTable:
    """Systems a, b, c and the oracle on 40 scenes of 20 talkers; b is the best. `lost`: scenes without it."""
    rows = [
        {
            "scene": f"made-up/test/{n:06}",
            "system": system,
            "metric": metric,
            "value": gain + n % 7,
            "reason": "",
            "failed": False,
            "near_loss": 15.0 if n < lost.get(system, 0) else 0.0,
            "talk": "double",
            "far.speaker": str(n % 20),
        }
        for system, gain in {"a": 1.0, "b": 2.0, "c": 0.0, "oracle": 9.0}.items()
        for metric in ("erle", "erle_true", "si_sdr", "fsdr", "rtf")
        for n in range(SCENES)
    ]
    corpus = {"id": "0" * 64, "digest": "1" * 64, "split": "test", "scenes": SCENES}
    versions = {name: metric.version for name, metric in METRICS.items()}
    return ResultTable(
        pd.DataFrame(rows), {"corpus": corpus, "simulator": SIMULATOR, "systems": {}, "metrics": versions}
    )


def test_a_new_board_follows_the_rules_of_today(tmp_path):
    board = new_board(results(), tmp_path / "made-up")
    assert board.rules.ranked_by == ("erle_true", "erle", "fsdr")
    assert (board.rules.near_lost.loss, board.rules.near_lost.share) == LOST_RULE
    assert "far.speaker" in board.scenes
    assert board.rules.rate == 16_000
    assert not board.older
    assert "older rules" not in board_readme(board)


def test_a_new_board_has_the_rate_of_its_corpus(tmp_path):
    table = results()
    table.provenance["rate"] = 48_000
    assert new_board(table, tmp_path / "made-up").rules.rate == 48_000


@pytest.mark.parametrize(
    ("align", "loaded", "entries"),
    [("best", "best", ("auto", "none")), ("auto", "best", ("auto", "none")), ("120", "120", ("120", "none"))],
)
def test_a_board_takes_the_alignments_that_eval_takes(tmp_path, align, loaded, entries):
    rules = new_board(results(), tmp_path / "made-up", align=align).rules
    assert (rules.align, rules.alignment, rules.alignments) == (align, loaded, entries)


def test_a_new_board_aligns_as_eval_does_by_default_and_refuses_what_is_none(tmp_path):
    assert new_board(results(), tmp_path / "made-up").rules.align == "best"
    with pytest.raises(UsageError, match="align 'bets'"):
        new_board(results(), tmp_path / "other", align="bets")


@pytest.mark.parametrize(("lost", "places"), [(4, {"b": 1, "a": 2, "c": 3}), (5, {"a": 1, "c": 2, "b": 3})])
def test_more_than_a_tenth_of_the_scenes_without_near_end_costs_the_place(tmp_path, lost, places):
    board = new_board(results(b=lost), tmp_path / "made-up")
    vars(board)["table"] = results(b=lost)  # as if it had been published
    standings = board.standings
    assert {one.name: one.place for one in standings} == places | {"oracle": None}
    assert standings[-1].name == "oracle"


def test_a_board_of_too_few_scenes_has_no_first_and_says_why(tmp_path):
    board = new_board(results(), tmp_path / "made-up")
    few = results()
    rows = few.rows[few.rows["scene"].isin(few.rows["scene"].unique()[:6])]
    vars(board)["table"] = ResultTable(rows, few.provenance)  # as if these had been published
    assert not board.ranked
    assert [one.place for one in board.standings] == [None] * 4
    assert [one.name for one in board.standings] == ["b", "a", "c", "oracle"]
    assert order(board).startswith("There are too few scenes, talkers or devices to rank the systems.")
    vars(board)["systems"] = dict.fromkeys("abc", ())
    assert boards_readme([board]).splitlines()[6].endswith("| 3 | - |")


@pytest.mark.parametrize("name", ["speech-v1", "hard-v1", "synthetic-v1"])
def test_an_older_board_keeps_its_rules_and_says_so(name):
    board = open_board(find_board(name))
    assert board.rules.near_lost.loss == 20
    assert len(board.older) == 5
    assert "near_attenuation and level are summarised by means, not medians" in board.older
    assert board.rules.older_corpus
    assert board.rebuild.startswith("git checkout ")
    assert heading("erle", board.facts) == "raw ERLE [dB]"
    assert "keeps the older rules" in (board.path / "README.md").read_text()


def test_a_former_version_of_a_metric_is_found_under_the_name_it_has_now():
    assert of_version("erle", 1) is METRICS["erle_raw"]
    assert of_version("erle", METRICS["erle"].version) is METRICS["erle"]
    assert of_version("erle_tail", 1) is None
