"""How well a board foretells real recordings: a table that `benchmarks/validity.py` wrote beside it, on its page."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from aecbench.leaderboard.entry import BoardError
from aecbench.leaderboard.text import markdown
from aecbench.output import whole_file
from aecbench.results import heading

__all__ = ["VALIDITY", "Foretold", "foretold", "section", "write_foretold"]

VALIDITY = "validity.csv"


class Foretold(NamedTuple):
    """A row of the table: how the order by a metric correlates with the order on recordings."""

    metric: str  # of the board
    recordings: str  # name of their corpus
    truth: str  # metric by which systems are ordered there
    correlation: float  # Spearman's, with its 95 % interval over devices
    low: float
    high: float
    systems: int
    devices: int


def foretold(folder: Path) -> list[Foretold]:
    """Read the table of the board in a folder; empty without one. Raises BoardError where it cannot be read."""
    path = folder / VALIDITY
    if not path.is_file():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return [_row(row) for row in csv.DictReader(file)]
    except (KeyError, TypeError, ValueError, OSError) as error:
        raise BoardError(f"{path}: cannot be read ({error!r}); write it again with benchmarks/validity.py") from None


def _row(row: Mapping[str, str]) -> Foretold:
    correlation, low, high = (float(row[name]) for name in ("correlation", "low", "high"))
    systems, devices = int(row["systems"]), int(row["devices"])
    return Foretold(row["metric"], row["recordings"], row["truth"], correlation, low, high, systems, devices)


def write_foretold(folder: Path, rows: list[Foretold]) -> None:
    """Write the table of the board in a folder. Raises OutputError."""
    with whole_file(folder / VALIDITY) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Foretold._fields)
        writer.writerows(rows)


def section(rows: list[Foretold]) -> list[str]:
    """The part of a board's page, as paragraphs of Markdown; none without rows."""
    if not rows:
        return []
    lines = ["| metric here | recordings | metric there | rank correlation | systems | devices |"]
    lines.append("| --- | --- | --- | ---: | ---: | ---: |")
    for row in rows:
        interval = f"{row.correlation:.2f} ({row.low:.2f} to {row.high:.2f})"
        interval += "" if row.low > 0 else ", foretells nothing"
        cells = (heading(row.metric), row.recordings, heading(row.truth), interval, f"{row.systems}", f"{row.devices}")
        lines.append(f"| {' | '.join(map(markdown, cells))} |")
    return [
        "## How well does this board foretell real recordings?",
        "Spearman's correlation of the order of systems here and on recordings, with its 95 % interval over devices.\n"
        "A metric whose interval reaches 0 or below foretells nothing.",
        "\n".join(lines),
    ]
