"""What the commands share: where things lie, and how tables and errors are shown."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

__all__ = ["CORPORA", "JOBS", "QUICKSTART", "RUNS", "evaluate_all", "fail_if_failed", "known", "show"]

QUICKSTART = "quickstart-v1"
CORPORA, RUNS = Path("corpora"), Path("runs")
WIDTH = 130  # of tables, at least: a narrow terminal wraps them
JOBS = click.IntRange(-1, 1024)


def evaluate_all(
    models: Sequence[str],
    corpus: Any,
    split: str,
    metrics: Sequence[str],
    jobs: int,
    scheduler: str | None = None,
    predictions: Sequence[Path] = (),
) -> Any:
    """One ResultTable of all models and predictions. Raises UsageError where two have the same name."""
    from aecbench.errors import UsageError
    from aecbench.evaluate import evaluate as run
    from aecbench.metrics import METRICS
    from aecbench.results import ResultTable
    from aecbench.systems import load_predictions, load_system

    for metric in metrics:
        known("metric", metric, METRICS)
    chosen = {name: METRICS[name] for name in metrics or METRICS}
    systems = [load_system(model) for model in dict.fromkeys(models)]
    systems += [load_predictions(folder) for folder in dict.fromkeys(predictions)]
    called = [system.name for system in systems]
    for name in called:
        if called.count(name) > 1:
            raise UsageError(f"two systems are called {name!r}; rename the folder of one")
    return ResultTable.concat(
        [run(system, corpus, chosen, split=split, jobs=jobs, scheduler=scheduler) for system in systems]
    )


def known(kind: str, name: str, names: Any) -> None:
    """Raise UnknownName, with the nearest name, unless `name` is among `names`."""
    from aecbench.errors import UnknownName

    if name not in names:
        raise UnknownName(kind, name, names)


def show(*what: Any) -> None:
    """Print what rich can print."""
    from rich.console import Console

    console = Console()
    console.width = max(console.width, WIDTH)
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
