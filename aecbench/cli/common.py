"""What the commands share: where things lie, and how tables and errors are shown."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

__all__ = [
    "ALIGN",
    "CACHE",
    "CORPORA",
    "CORPUS",
    "JOBS",
    "METRIC",
    "QUICKSTART",
    "RUNS",
    "fail_if_failed",
    "known",
    "metrics_of",
    "show",
]

QUICKSTART = "quickstart-v1"
CORPORA, RUNS = Path("corpora"), Path("runs")
WIDTH = 130  # of tables, at least: a narrow terminal wraps them
WIDEST = 1000
ALL = "all"
CACHE = RUNS / "cache"
JOBS = click.IntRange(-1, 1024)
CORPUS = click.option(
    "--corpus", "corpus_path", type=click.Path(path_type=Path), help=f"[default: corpora/{QUICKSTART}]"
)
METRIC = click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME|all",
    help="Score this one, not the usual ones; may be repeated.",
)
ALIGN = "Delay the far end so that the echo path starts early: as tracked, not at all, or by so many milliseconds."


def known(kind: str, name: str, names: Any) -> None:
    """Raise UnknownName, with the nearest name, unless `name` is among `names`."""
    from aecbench.errors import UnknownName

    if name not in names:
        raise UnknownName(kind, name, names)


def metrics_of(names: Sequence[str], aecmos: Path | None = None, dnsmos: Path | None = None) -> dict[str, Any]:
    """The metrics of these names; "all" are all, none the usual ones. And those that a model file is given for."""
    from aecbench.metrics import DEFAULT_METRICS, METRICS
    from aecbench.metrics.aecmos import aecmos_metrics
    from aecbench.metrics.dnsmos import dnsmos_metrics

    for name in names:
        known("metric", name, [*METRICS, ALL])
    chosen = DEFAULT_METRICS if not names else METRICS if ALL in names else {name: METRICS[name] for name in names}
    return {
        **chosen,
        **(aecmos_metrics(aecmos) if aecmos is not None else {}),
        **(dnsmos_metrics(dnsmos) if dnsmos is not None else {}),
    }


def show(*what: Any) -> None:
    """Print what rich can print, as wide as it has to be."""
    from rich.console import Console
    from rich.measure import measure_renderables

    console = Console()
    least = measure_renderables(console, console.options.update(max_width=WIDEST), what).minimum
    console.width = max(console.width, WIDTH, least)
    for item in what:
        console.print(item)


def fail_if_failed(table: Any) -> None:
    """Raise FailedItems, for exit code 3, where a ResultTable has values that failed."""
    from aecbench.errors import FailedItems

    if not table.failed.empty:
        first = table.failed.iloc[0]
        raise FailedItems(
            f"{len(table.failed)} items failed; the first: {first['metric']} of {first['system']} "
            f"on {first['scene']}: {first['reason']}"
        )
