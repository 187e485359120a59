"""The work on a board grows with the number of its systems, and no faster."""

from collections import Counter

import pytest

from aecbench.leaderboard import open_board, prepare, publish
from aecbench.leaderboard.site import build
from aecbench.results import ResultTable


@pytest.fixture
def passes(monkeypatch):
    """Counts how often each function that goes through the rows of all systems is called."""
    counts = Counter()

    def counted(name, function):
        def call(*args, **kwargs):
            counts[name] += 1
            return function(*args, **kwargs)

        return call

    for name in ("lost", "parts", "summary", "_counted", "_ranked"):
        monkeypatch.setattr(ResultTable, name, counted(name, getattr(ResultTable, name)))
    return counts


def slower(factor):
    """Rows of a system that takes so many times as long."""
    return lambda rows: rows.assign(value=rows["value"].where(rows["metric"] != "rtf", factor * rows["value"]))


def test_pages_of_many_systems_go_through_all_rows_as_often_as_pages_of_few(path, other, passes, tmp_path):
    build([open_board(path)], tmp_path / "few")
    few = Counter(passes)
    passes.clear()
    board = open_board(path)
    for n in range(2, 5):
        board = publish(prepare(other(f"system-{n}", slower(n)), board), board)
    passes.clear()
    build([open_board(path)], tmp_path / "many")
    assert passes == few
    assert few["lost"] > 0


def test_pairs_of_systems_are_tested_once(path, passes):
    board = open_board(path)
    assert board.standings
    assert board.ranks
    assert passes["_ranked"] == 1
