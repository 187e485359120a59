"""aecbench list."""

import click

from aecbench.cli.common import known, show

__all__ = ["list_"]


@click.command("list")
@click.argument("what", required=False)
def list_(what: str | None) -> None:
    """List what there is: recipes, models, metrics, sources, packs, or all of them.

    \b
    aecbench list
    aecbench list models
    """
    from aecbench.report import LISTINGS, listing

    if what is not None:
        known("listing", what, LISTINGS)
    show(listing([what] if what else list(LISTINGS)))
