"""Content of a system's page: description, provenance, and results by condition."""

import json
import shlex
from typing import Any

from aecbench.leaderboard.board import Board, condition_title
from aecbench.leaderboard.entry import Entry
from aecbench.results import RTF, cell, heading, lower_is_better

__all__ = ["system_page"]

WORST = 5  # scenes per metric


def system_page(board: Board, name: str) -> dict[str, Any]:
    """Everything for system.html."""
    entry = board.current[name].entry
    standing = next(one for one in board.standings if one.name == name)
    return {
        "board": board,
        "entry": entry,
        "place": standing.place,
        "provenance": _provenance(board, entry),
        "means": _means(board, name),
        "metrics": [heading(metric, board.facts) for metric in board.columns],
        "conditions": [(condition_title(one), _condition(board, name, one)) for one in board.conditions],
        "worst": [(heading(metric, board.facts), _worst(board, name, metric)) for metric in board.rules.ranked_by],
        "shown": [condition_title(one) for one in board.conditions],
        "parameters": _flat(entry.system.parameters),
        "origin": _flat((entry.card or {}).get("origin", {})),
        "versions": [found.entry for found in reversed(board.systems[name])],
    }


def _provenance(board: Board, entry: Entry) -> list[tuple[str, str]]:
    corpus, machine = entry.corpus, entry.machine
    rows = [
        ("corpus", corpus.id),
        ("digest", corpus.digest),
        ("scenes", f"{corpus.scenes}, split {corpus.split}"),
        ("rebuild", board.rebuild),
        ("system", entry.system.hash),
        ("weights", entry.system.weights or "none: not a network"),
        ("canceller", entry.system.canceller),
        ("alignment", entry.system.align),
        ("latency", f"{entry.system.latency} samples"),
        ("commit", entry.commit or "not known: run from a wheel"),
        ("command", entry.command),
        ("versions", ", ".join(f"{name} {version}" for name, version in entry.versions.items())),
        ("machine", ", ".join(map(str, machine.values()))),
        ("published", f"{entry.published}, version {entry.version}"),
        ("rows", entry.rows),
        ("entry", entry.sha256),
    ]
    return [(what, text) for what, text in rows if text]


def _means(board: Board, name: str) -> list[list[str]]:
    """Metric, mean with interval, median, rank, scenes, failures."""
    lines = []
    for metric in board.columns:
        found, rank = board.summary()["", name][metric], board.ranks[name][metric]
        median = f"{found.median:.4f}" if metric == RTF else f"{found.median:.2f}"
        shown = "-" if rank is None or metric == RTF else str(rank)
        row = [cell(metric, found), median if found.n else "-", shown, str(found.n), str(found.failed)]
        lines.append([heading(metric, board.facts), *row])
    return lines


def _condition(board: Board, name: str, condition: str) -> list[list[str]]:
    """Bin, and each metric."""
    return [
        [label, *(cell(metric, cells[metric], count=True) for metric in board.columns)]
        for (label, system), cells in board.summary(condition).items()
        if system == name
    ]


def _worst(board: Board, name: str, metric: str) -> list[tuple[str, str, list[str], str]]:
    """The worst of the scenes that count in a mean: scene, value, conditions, and how to listen to it."""
    ((_, rows),) = board.table.parts()
    own = rows[(rows["system"] == name) & (rows["metric"] == metric) & rows["value"].notna()]
    worst = own.nlargest(WORST, "value") if lower_is_better(metric, board.facts) else own.nsmallest(WORST, "value")
    found = []
    for row in worst.to_dict("records"):
        drawn = [_text(row[condition]) for condition in board.conditions]
        place = row["scene"].partition("/")[2]
        corpus = f"corpora/{board.rules.name}"
        command = ["aecbench", "eval", "--model", name, "--corpus", corpus, "--split", board.rules.corpus.split]
        listen = shlex.join([*command, "--scene", place, "--save-audio", "listen"])
        found.append((place, f"{row['value']:.2f}", drawn, listen))
    return found


def _text(value: Any) -> str:
    if isinstance(value, float):
        return "-" if value != value else f"{value:.3g}"
    return str(value)


def _flat(table: dict[str, Any], before: str = "") -> list[tuple[str, str]]:
    """Nested tables as lines "a.b", value."""
    lines = []
    for key, value in table.items():
        if isinstance(value, dict):
            lines += _flat(value, f"{before}{key}.")
        else:
            lines.append((f"{before}{key}", value if isinstance(value, str) else json.dumps(value)))
    return lines
