"""How well a board predicts results on real recordings: a table that `benchmarks/validity.py` wrote beside it."""

import csv
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from aecbench.leaderboard.entry import BoardError
from aecbench.leaderboard.text import markdown
from aecbench.output import whole_file
from aecbench.results import heading

__all__ = [
    "EXPLAINED",
    "QUESTION",
    "VALIDITY",
    "Grid",
    "Prediction",
    "grids",
    "read_validity",
    "section",
    "write_validity",
]

VALIDITY = "validity.csv"
QUESTION = "How well does this board predict results on real recordings?"
EXPLAINED = (
    "Spearman's correlation of the order of systems by a metric here with their order on recordings of real devices, "
    "with its 95 % interval over the devices, for these systems. Bold: the interval lies above 0. In all other cells, "
    "the order here predicts nothing, or the opposite. Nothing is corrected for the number of cells."
)


class Prediction(NamedTuple):
    """A row of the table: how the order by a metric correlates with the order on recordings."""

    metric: str  # of the board
    recordings: str  # name of their corpus or board
    truth: str  # metric by which systems are ordered there
    title: str  # its heading
    correlation: float  # Spearman's, with its 95 % interval over devices
    low: float
    high: float
    systems: int
    devices: int

    @property
    def predicts(self) -> bool:
        """Whether the interval lies above 0."""
        return self.low > 0

    @property
    def text(self) -> str:
        """The correlation with its interval."""
        return f"{self.correlation:.2f} ({self.low:.2f} to {self.high:.2f})"


class Grid(NamedTuple):
    """The rows about some recordings: metrics of the board by metrics there."""

    caption: str
    heads: list[str]  # of the columns
    lines: list[tuple[str, list[Prediction | None]]]  # heading of a metric of the board, and its cells


def read_validity(folder: Path) -> list[Prediction]:
    """Read the table of the board in a folder; empty without one. Raises BoardError where it cannot be read."""
    path = folder / VALIDITY
    if not path.is_file():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [_row(row) for row in csv.DictReader(file)]
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise BoardError(f"{path}: cannot be read ({error!r}); write it again with benchmarks/validity.py") from None


def _row(row: Mapping[str, str]) -> Prediction:
    correlation, low, high = (float(row[name]) for name in ("correlation", "low", "high"))
    if not -1 <= low <= high <= 1 or math.isnan(correlation):
        raise ValueError(f"an interval from {low:g} to {high:g}")
    metric, recordings, truth, title = (row[name] for name in ("metric", "recordings", "truth", "title"))
    systems, devices = int(row["systems"]), int(row["devices"])
    return Prediction(metric, recordings, truth, title, correlation, low, high, systems, devices)


def write_validity(folder: Path, rows: list[Prediction]) -> None:
    """Write the table of the board in a folder. Raises OutputError."""
    with whole_file(folder / VALIDITY) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Prediction._fields)
        for row in rows:
            writer.writerow([f"{value:.4f}" if isinstance(value, float) else value for value in row])


def grids(rows: list[Prediction], facts: Mapping[str, Any]) -> Iterator[Grid]:
    """Yield the table as a grid for each of the recordings. `facts` are those of the board, with its own columns."""
    for recordings in dict.fromkeys(row.recordings for row in rows):
        cells = {(row.metric, row.truth): row for row in rows if row.recordings == recordings}
        columns = {row.truth: f"{row.title}, {row.devices} devices" for row in cells.values()}
        systems = max(row.systems for row in cells.values())
        lines = [
            (heading(metric, facts), [cells.get((metric, truth)) for truth in columns])
            for metric in dict.fromkeys(metric for metric, _ in cells)
        ]
        yield Grid(f"{recordings}, {systems} systems", list(columns.values()), lines)


def section(rows: list[Prediction], facts: Mapping[str, Any]) -> list[str]:
    """The part of a board's page, as paragraphs of Markdown; none without rows."""
    return [f"## {QUESTION}", EXPLAINED, *map(_table, grids(rows, facts))] if rows else []


def _table(grid: Grid) -> str:
    lines = [[grid.caption, *grid.heads], ["---"] * (1 + len(grid.heads))]
    lines = [[markdown(text) for text in line] for line in lines]
    lines += [[markdown(metric), *map(_cell, cells)] for metric, cells in grid.lines]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(row: Prediction | None) -> str:
    text = "-" if row is None else markdown(row.text)
    return f"**{text}**" if row is not None and row.predicts else text
