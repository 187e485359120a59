"""Shared by the commands: default folders, options, and the output of tables and errors."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from aecbench.cli import complete
from aecbench.tables import keys

__all__ = [
    "ADVICE",
    "AGAIN",
    "ALIGN",
    "BOARDS",
    "CACHE",
    "CORPORA",
    "CORPUS",
    "FORMAT",
    "JOBS",
    "JSON",
    "METRIC",
    "MODEL",
    "QUICKSTART",
    "RUNS",
    "cache_folder",
    "fail_if_failed",
    "known",
    "metrics_of",
    "show",
    "show_json",
    "when_stopped",
]

QUICKSTART = "quickstart-v2"
CORPORA, RUNS = Path("corpora"), Path("runs")
WIDTH = 130  # smallest width of tables: a narrower terminal wraps them
WIDEST = 1000
CACHE = RUNS / "cache"


class Jobs(click.IntRange):
    """A number of processes, or -1 for one per core; 0 is invalid."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number. Fails for 0."""
        jobs: int = super().convert(value, param, ctx)
        if jobs == 0:
            self.fail("0 processes do nothing; give 1 or more, or -1 for one per core", param, ctx)
        return jobs


JOBS = Jobs(-1, 1024)
ADVICE = "aecbench.advice"
AGAIN = "finished work is kept: the same command continues from there"
JSON = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON document on standard output and nothing else."
)
CORPUS = click.option(
    "--corpus",
    "corpus_path",
    type=click.Path(path_type=Path),
    help=f"Use this corpus.  [default: corpora/{QUICKSTART}]",
)
METRIC = click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME|all",
    help="Score this metric instead of the usual ones; repeatable.",
    shell_complete=complete.metrics,
)
FORMAT = click.option(
    "--format",
    "layout",
    type=click.Choice(["rich", *keys("results/formats.py", "FORMATS")]),
    default="rich",
    show_default=True,
    help="Layout of the table.",
)
BOARDS = click.option(
    "--boards",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Use the boards in this folder.  [default: leaderboards, or those shipped]",
)
MODEL = "Run this baseline, folder, pkg.mod:Class, .onnx file or 'command:...'."
ALIGN = "Delay the far end: best for the model, auto (tracked), none, or ms."


def known(kind: str, name: str, names: Any) -> None:
    """Raise UnknownName, with the nearest name, unless `name` is among `names`."""
    from aecbench.errors import UnknownName

    if name not in names:
        raise UnknownName(kind, name, names)


def metrics_of(names: Any, aecmos: Path | None = None, dnsmos: Path | None = None) -> dict[str, Any]:
    """Return the metrics with these names ("all": all, none: the default ones), and those of the model files."""
    from aecbench.metrics import choose
    from aecbench.metrics.aecmos import aecmos_metrics
    from aecbench.metrics.dnsmos import dnsmos_metrics

    return {
        **choose(names or None),
        **(aecmos_metrics(aecmos) if aecmos is not None else {}),
        **(dnsmos_metrics(dnsmos) if dnsmos is not None else {}),
    }


def cache_folder() -> Path | None:
    """Return the folder in which scores are cached; None, with a line on stderr, if it cannot be written."""
    from aecbench.errors import OutputError
    from aecbench.output import new_folder

    try:
        new_folder(CACHE, "no scores are kept")
    except OutputError as error:
        click.echo(f"aecbench: {error}", err=True)
        return None
    return CACHE


def show(*what: Any) -> None:
    """Print rich renderables, as wide as necessary; to a file or a pipe, without wrapping rows."""
    from rich.console import Console
    from rich.measure import measure_renderables

    console = Console()
    needed = measure_renderables(console, console.options.update(max_width=WIDEST), what)
    console.width = max(console.width, WIDTH, needed.minimum if console.is_terminal else needed.maximum)
    with nullcontext() if console.is_terminal else console.capture() as captured:
        for item in what:
            console.print(item)
    if captured is not None:
        click.echo("\n".join(map(str.rstrip, captured.get().splitlines())))


def show_json(document: Any) -> None:
    r"""Print the result of a command as JSON on one line. NaN and infinity become null, a path becomes a string.

    Bytes of a file name that are not UTF-8 are escaped as Python's surrogates: \udcff for 0xff.
    """
    from pydantic_core import PydanticSerializationError, to_json

    try:
        text: str | bytes = to_json(document, inf_nan_mode="null", fallback=lambda value: value.item())
    except PydanticSerializationError:  # a file name that is not UTF-8
        plain = json.loads(json.dumps(document, default=str), parse_constant=lambda _: None)
        text = json.dumps(plain, separators=(",", ":"))
    click.echo(text)


def when_stopped(advice: str) -> None:
    """Set the `advice` that is printed if Ctrl-C stops the command from now on: what is kept, and how to continue."""
    click.get_current_context().meta[ADVICE] = advice


def fail_if_failed(table: Any) -> None:
    """Raise FailedItems, for exit code 3, if a ResultTable has values that failed."""
    from aecbench.errors import FailedItems

    if not table.failed.empty:
        count, first = len(table.failed), table.failed.iloc[0]
        raise FailedItems(
            f"{count} item{'s' if count > 1 else ''} failed; the first: {first['metric']} of {first['system']} "
            f"on {first['scene']}: {first['reason']}"
        )
