"""Leaderboards: results become entries, entries a ranked table, in Markdown and as pages to browse."""

from aecbench.leaderboard.board import (
    BOARDS,
    Board,
    Standing,
    board_folders,
    board_names,
    find_board,
    new_board,
    open_board,
)
from aecbench.leaderboard.check import Problem, verify
from aecbench.leaderboard.entry import BoardError, Entry, Published
from aecbench.leaderboard.publish import load_results, prepare, publish
from aecbench.leaderboard.readme import update, update_all
from aecbench.leaderboard.rerun import Rerun, rerun

__all__ = [
    "BOARDS",
    "Board",
    "BoardError",
    "Entry",
    "Problem",
    "Published",
    "Rerun",
    "Standing",
    "board_folders",
    "board_names",
    "find_board",
    "load_results",
    "new_board",
    "open_board",
    "prepare",
    "publish",
    "rerun",
    "update",
    "update_all",
    "verify",
]
