"""Content of a system's page: description, provenance, and results by condition."""

import json
from typing import Any

from aecbench.corpus.finish import flat
from aecbench.leaderboard.board import Board
from aecbench.leaderboard.entry import Entry
from aecbench.leaderboard.readme import latency_cell
from aecbench.report.results import listen_command
from aecbench.results import RTF, cell, heading, lower_is_better
from aecbench.scenes.conditions import with_unit

__all__ = ["system_page"]

WORST = 5  # scenes per metric


def system_page(board: Board, name: str) -> dict[str, Any]:
    """Everything for system.html."""
    entry = board.current[name].entry
    standing = next(condition for condition in board.standings if condition.name == name)
    return {
        "board": board,
        "entry": entry,
        "place": standing.place,
        "provenance": _provenance(board, entry),
        "means": _means(board, name),
        "metrics": [heading(metric, board.facts) for metric in board.columns],
        "conditions": [(with_unit(condition), _condition(board, name, condition)) for condition in board.conditions],
        "worst": [(heading(metric, board.facts), _worst(board, name, metric)) for metric in board.rules.ranked_by],
        "shown": [with_unit(condition) for condition in board.conditions],
        "parameters": _lines(entry.system.parameters),
        "origin": _lines((entry.card or {}).get("origin", {})),
        "versions": [published.entry for published in reversed(board.systems[name])],
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
        ("latency", _latency(board, entry)),
        ("commit", entry.commit or "not known: run from a wheel"),
        ("command", entry.command),
        ("versions", ", ".join(f"{name} {version}" for name, version in entry.versions.items())),
        ("machine", ", ".join(map(str, machine.values()))),
        ("published", f"{entry.published}, version {entry.version}"),
        ("rows", entry.rows),
        ("entry", entry.sha256),
    ]
    return [(label, text) for label, text in rows if text]


def _latency(board: Board, entry: Entry) -> str:
    latency = board.latency(entry.name)
    return "not known" if latency is None else f"{entry.system.latency} samples, {latency_cell(latency)} ms"


def _means(board: Board, name: str) -> list[list[str]]:
    """Metric, mean or median with interval, both of them, rank, scenes, failures."""
    lines = []
    for metric in board.columns:
        interval, rank = board.summary()["", name][metric], board.ranks[name][metric]
        digits = 4 if metric == RTF else 2
        both = [f"{value:.{digits}f}" if interval.n else "-" for value in (interval.mean, interval.median)]
        label = "-" if rank is None or metric == RTF else str(rank)
        row = [cell(metric, interval), *both, label, str(interval.n), str(interval.failed)]
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
    """Return the worst of the scenes that count in a mean: scene, value, conditions, and how to listen to it."""
    rows = board.counted[name]
    own = rows[(rows["metric"] == metric) & rows["value"].notna()]
    worst = own.nlargest(WORST, "value") if lower_is_better(metric, board.facts) else own.nsmallest(WORST, "value")
    corpus, split = f"corpora/{board.rules.name}", board.rules.corpus.split
    lines = []
    for row in worst.to_dict("records"):
        drawn = [_text(row[condition]) for condition in board.conditions]
        listen = listen_command(row["scene"], corpus, split, "--model", name)
        lines.append((row["scene"].partition("/")[2], f"{row['value']:.2f}", drawn, listen))
    return lines


def _text(value: Any) -> str:
    if isinstance(value, float):
        return "-" if value != value else f"{value:.3g}"
    return str(value)


def _lines(table: dict[str, Any]) -> list[tuple[str, str]]:
    """Return nested tables as lines "a.b", value."""
    return [(key, value if isinstance(value, str) else json.dumps(value)) for key, value in flat(table).items()]
