"""A sentence on each column and each condition of a board, for visitors who do not know them."""

from aecbench.leaderboard.board import Board
from aecbench.metrics import METRICS, of_version
from aecbench.report.listing import about_metric
from aecbench.results import heading, lower_is_better
from aecbench.scenes.conditions import MEANINGS, with_unit

__all__ = ["meanings"]


def meanings(board: Board) -> dict[str, tuple[str, str]]:
    """Return metric or condition -> its heading, and a sentence on it; those about which nothing is known are left out.

    A metric of an older version is described by the row of METRICS that computes it today.
    """
    columns = {}
    for metric, facts in board.rules.metrics.items():
        row = of_version(metric, facts.version)
        name = next((name for name, other in METRICS.items() if other is row), metric)
        if about := about_metric(name):
            better = "Lower" if lower_is_better(metric, board.facts) else "Higher"
            columns[metric] = (heading(metric, board.facts), f"{about} {better} is better.")
    conditions = {name: (with_unit(name), MEANINGS[name]) for name in board.conditions if name in MEANINGS}
    return columns | conditions
