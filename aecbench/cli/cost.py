"""aecbench cost."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from aecbench.cli import complete
from aecbench.cli.common import ALIGN, JSON, show

__all__ = ["cost"]

FORMATS = ["rich", "md", "csv", "latex", "html", "json"]
UNITS = {  # heading, units of the table in one unit of Cost, format
    "parameters": ("Parameters", 1, ",.0f"),
    "macs": ("MACs [M/s]", 1e-6, ".1f"),
    "rtf": ("RTF", 1, ".4f"),
    "latency": ("Latency [ms]", 1e3, ".1f"),
    "memory": ("Memory [MB]", 1e-6, ".0f"),
}
CAPTION = (
    "for audio at 16 kHz: parameters that were learnt before; multiplications of real numbers with their additions,\n"
    "counted; processor time per second of audio, streaming, on one core; algorithmic latency; peak memory of a\n"
    "process that runs it, Python included"
)


@click.command()
@click.argument("systems", nargs=-1, required=True, metavar="SYSTEM...", shell_complete=complete.models)
@click.option("--align", default="best", show_default=True, metavar="best|auto|none|MS", help=ALIGN)
@click.option(
    "--format", "layout", type=click.Choice(FORMATS), default="rich", show_default=True, help="Print this format."
)
@JSON
def cost(systems: Sequence[str], align: str, layout: str, as_json: bool) -> None:
    """Count and time what systems cost: parameters, MACs, real-time factor, latency, memory.

    A system is a model, as in aecbench eval, or NAME=MODEL, together with its delay alignment. A dash stands for a
    number that is not known.

    \b
    aecbench cost nlms kalman
    aecbench cost kalman --align none --format latex
    aecbench cost tuned=runs/tune/kalman kalman
    """
    import pandas as pd

    from aecbench.cost import cost as measured
    from aecbench.errors import UsageError
    from aecbench.results.formats import frame_text
    from aecbench.systems import split_name

    called = {system: split_name(system)[0] or system for system in systems}
    for name in called.values():
        if list(called.values()).count(name) > 1:
            raise UsageError(f"two systems are called {name!r}; give one another name, as in NAME=MODEL")
    costs = {name: measured(system, align)._asdict() for system, name in called.items()}
    shown = pd.DataFrame([{"system": name, **_words(values)} for name, values in costs.items()])
    layout = "json" if as_json else layout
    if layout == "rich":
        show(_grid(shown))
    else:
        values = pd.DataFrame([{"system": name, **values} for name, values in costs.items()])
        click.echo(frame_text(shown, values, layout), nl=False)


def _words(values: Mapping[str, float]) -> dict[str, str]:
    return {
        heading: format(values[name] * scale, how) if values[name] == values[name] else "-"  # NaN is not
        for name, (heading, scale, how) in UNITS.items()
    }


def _grid(shown: Any) -> Any:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=SIMPLE_HEAD, caption=Text(CAPTION), caption_justify="left")
    for name in shown:
        grid.add_column(name.replace(" [", "\n[").replace("[", r"\["), justify="left" if name == "system" else "right")
    for row in shown.to_numpy(str):
        grid.add_row(*map(Text, row))
    return grid
