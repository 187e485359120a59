"""The scores of a board, scene by scene, as the page needs them to filter, and as a table for spreadsheets."""

import csv
import io
import math
from typing import Any

import pandas as pd

from aecbench.leaderboard.board import Board
from aecbench.leaderboard.text import csv_cell, visible
from aecbench.metrics.base import ALONE
from aecbench.results import column
from aecbench.results.groups import groups

__all__ = ["condition_labels", "scores", "to_csv"]

DIGITS = 5  # significant ones that the page gets of a score


def scores(board: Board) -> dict[str, Any]:
    """{"near": metrics of the near end, "medians": those summarised so, "both": 0 or 1 per scene, ...}.

    `conditions` has the bin of each scene by each condition.
    `values` has a list per system and metric, with a value or null per scene; the scenes are in the order of the board.
    """
    order = list(board.scenes["scene"])
    values: dict[str, dict[str, list[float | None]]] = {}
    for name, (_, rows) in board.current.items():
        wide = rows.pivot(index="scene", columns="metric", values="value").reindex(order)
        values[name] = {metric: [_short(value) for value in wide[metric]] for metric in board.columns}
    talk = board.scenes["talk"] if "talk" in board.scenes else pd.Series([""] * len(order))
    return {
        "near": [name for name in board.columns if column(name, board.facts).near_end],
        "medians": [name for name in board.columns if column(name, board.facts).summary == "median"],
        "both": [int(kind not in ALONE) for kind in talk],
        "conditions": {
            name: [labels.get(scene, -1) for scene in order]
            for name, (_, labels) in ((name, condition_labels(board, name)) for name in board.conditions)
        },
        "values": values,
    }


def condition_labels(board: Board, condition: str) -> tuple[list[str], dict[str, int]]:
    """The bins of a condition, and for each scene which it is in."""
    bins = [(labels[0], list(part["scene"])) for labels, part in groups(board.scenes, [condition])]
    return [label for label, _ in bins], {scene: n for n, (_, scenes) in enumerate(bins) for scene in scenes}


def to_csv(board: Board) -> str:
    """A row per system and metric: place, mean or median with its interval, where it comes from."""
    text = io.StringIO()
    write = csv.writer(text, lineterminator="\n")
    facts = ["latency_ms", "corpus", "digest", "hash", "weights", "commit", "command"]
    columns = ["place", "system", "version", "title", "authors", "url"]
    columns += ["metric", "summary", "value", "low", "high", "n", "rank"]
    write.writerow([*columns, *facts])
    for place, name in board.standings:
        entry = board.current[name].entry
        about = [name, entry.version, entry.title, entry.authors, entry.url]
        origin = [entry.corpus.id, entry.corpus.digest, entry.system.hash, entry.system.weights, entry.commit]
        for metric in board.columns:
            cell, rank = board.summary()["", name][metric], board.ranks[name][metric]
            numbers = [x if math.isfinite(x) else None for x in (cell.value, cell.low, cell.high)]
            row = [place, *about, metric, cell.summary, *numbers, cell.n, rank]
            row += [board.latency(name), *origin, entry.command]
            write.writerow([csv_cell(visible(x)) if isinstance(x, str) else x for x in row])
    return text.getvalue()


def _short(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.{DIGITS}g}")
