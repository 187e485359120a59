"""One result table: systems compared, metric by metric."""

from pathlib import Path

from aecbench.plots.style import save
from aecbench.results import ResultTable

__all__ = ["plot_results"]


def plot_results(table: ResultTable, path: Path) -> None:
    """Write `ResultTable.plot` to a file. Raises OutputError."""
    save(table.plot(), path)
