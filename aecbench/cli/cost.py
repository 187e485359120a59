"""aecbench cost."""

from collections.abc import Sequence

import click

from aecbench.cli import complete
from aecbench.cli.common import ALIGN, FORMAT, JSON, show

__all__ = ["cost"]


@click.command()
@click.argument("systems", nargs=-1, required=True, metavar="SYSTEM...", shell_complete=complete.models)
@click.option("--align", default="best", show_default=True, metavar="best|auto|none|MS", help=ALIGN)
@FORMAT
@JSON
def cost(systems: Sequence[str], align: str, layout: str, as_json: bool) -> None:
    """Measure what systems cost: operations, time and memory.

    The columns are parameters, multiplications (MACs) per second of audio, real-time factor, latency and memory. A
    system is a model, as for aecbench eval, with the delay tracker in front of it. A dash means that the value is not
    known.

    \b
    aecbench cost nlms kalman
    aecbench cost kalman --align none --format latex
    aecbench cost tuned=runs/tune/kalman kalman
    """
    from aecbench.costs import cost as measure
    from aecbench.errors import UsageError
    from aecbench.report.cost import cost_table, cost_text
    from aecbench.systems import split_name

    names = {system: split_name(system)[0] or system for system in systems}
    for name in names.values():
        if list(names.values()).count(name) > 1:
            raise UsageError(f"two systems are called {name!r}; give one another name, as in NAME=MODEL")
    costs = {name: measure(system, align) for system, name in names.items()}
    layout = "json" if as_json else layout
    if layout == "rich":
        show(cost_table(costs))
    else:
        click.echo(cost_text(costs, layout), nl=False)
