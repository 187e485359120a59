"""Leaderboards: results become entries, entries a ranked table, in Markdown and as pages to browse."""

from aecbench.leaderboard.board import (
    BOARDS,
    Board,
    Standing,
    board_folders,
    board_names,
    check_name,
    chosen_boards,
    find_board,
    is_shipped,
    new_board,
    open_board,
    read_rules,
)
from aecbench.leaderboard.check import Violation, verify
from aecbench.leaderboard.entry import BoardError, Entry, Published
from aecbench.leaderboard.plan import Plan, check_results, read_plan
from aecbench.leaderboard.publish import board_of, load_results, prepare, publish
from aecbench.leaderboard.readme import update, update_all, writing
from aecbench.leaderboard.rerun import Rerun, rerun
from aecbench.leaderboard.task import board_corpus, board_metrics

__all__ = [
    "BOARDS",
    "Board",
    "BoardError",
    "Entry",
    "Plan",
    "Published",
    "Rerun",
    "Standing",
    "Violation",
    "board_corpus",
    "board_folders",
    "board_metrics",
    "board_names",
    "board_of",
    "check_name",
    "check_results",
    "chosen_boards",
    "find_board",
    "is_shipped",
    "load_results",
    "new_board",
    "open_board",
    "prepare",
    "publish",
    "read_plan",
    "read_rules",
    "rerun",
    "update",
    "update_all",
    "verify",
    "writing",
]
