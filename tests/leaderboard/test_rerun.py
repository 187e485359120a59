import pandas as pd

from aecbench.leaderboard import open_board, prepare, publish, rerun
from aecbench.leaderboard.check import stated
from aecbench.leaderboard.rerun import ALLOWED


def test_systems_score_again_what_was_published(path, corpus):
    found = list(rerun(open_board(path), corpus, 2, seed=1))
    assert [(one.name, one.problem, one.skipped) for one in found] == [("nlms", "", ""), ("passthrough", "", "")]
    assert all(one.largest <= 1e-6 for one in found)


def test_elsewhere_compiled_code_may_round_differently(path, corpus, forge):
    forge(machine={"system": "Linux riscv64", "cpu": "another", "cores": 1})
    allowed = {one.name: one.allowed for one in rerun(open_board(path), corpus, 1, seed=1)}
    assert allowed["nlms"] == ALLOWED["filter"]


def test_scores_that_were_made_up_are_found(path, corpus, forge):
    def improve(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(value=rows["value"].where(rows["metric"] != "erle_true", rows["value"] + 0.5))

    forge(rows=improve)
    board = open_board(path)
    means, _ = stated(board, board.current["nlms"])
    forge(means={metric: cell.model_dump() for metric, cell in means.items()})
    nlms, passthrough = rerun(open_board(path), corpus, 6, seed=1)
    assert nlms.problem.startswith("erle_true of toy-v1/test/")
    assert "when run again, published" in nlms.problem
    assert passthrough.problem == ""


def test_systems_that_are_not_at_hand_are_named(path, corpus, other):
    board = open_board(path)
    publish(prepare(other(), board), board)
    found = {one.name: one for one in rerun(open_board(path), corpus, 1, seed=1)}
    assert "not shipped" in found["mine"].skipped
    assert found["mine"].problem == ""


def test_an_edit_that_is_larger_than_what_processors_differ_by_is_found_elsewhere_too(path, corpus, forge):
    def improve(rows: pd.DataFrame) -> pd.DataFrame:
        return rows.assign(value=rows["value"].where(rows["metric"] != "erle_true", rows["value"] + 0.005))

    forge(rows=improve, machine={"system": "Linux riscv64", "cpu": "another", "cores": 1})
    board = open_board(path)
    means, _ = stated(board, board.current["nlms"])
    forge(means={metric: cell.model_dump() for metric, cell in means.items()})
    nlms = next(one for one in rerun(open_board(path), corpus, 6, seed=1) if one.name == "nlms")
    assert nlms.problem.startswith("erle_true of toy-v1/test/")
