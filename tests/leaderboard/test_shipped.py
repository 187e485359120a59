"""The leaderboards that ship with the package."""

import pytest

from aecbench.assets import folder
from aecbench.leaderboard import board_names, open_board, verify
from aecbench.leaderboard.readme import README, boards_readme

PLACE = folder("leaderboards")


@pytest.mark.parametrize("name", board_names(PLACE))
def test_every_entry_is_as_it_was_published(name):
    assert verify(PLACE / name) == []


def test_successors_of_archived_boards_are_there():
    boards = {name: open_board(PLACE / name) for name in board_names(PLACE)}
    assert {board.rules.successor for board in boards.values()} - {""} <= boards.keys()


def test_list_of_boards_is_what_they_give():
    assert (PLACE / README).read_text() == boards_readme([open_board(PLACE / name) for name in board_names(PLACE)])
