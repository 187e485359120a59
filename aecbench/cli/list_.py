"""aecbench list."""

import click

from aecbench.cli import complete
from aecbench.cli.common import JSON, known, show, show_json

__all__ = ["list_"]


@click.command("list")
@click.argument("what", required=False, shell_complete=complete.listings)
@JSON
def list_(what: str | None, as_json: bool) -> None:
    """List recipes, models, metrics, sources and packs.

    WHAT is one of these five words; without it, all are listed. Each line gives the origin of the entry: shipped, or
    the package or library that it comes from.

    \b
    aecbench list
    aecbench list models
    """
    from aecbench.report.listing import LISTINGS, listing

    if what is not None:
        known("listing", what, LISTINGS)
    chosen = [what] if what else list(LISTINGS)
    if as_json:
        show_json({name: [row._asdict() for row in LISTINGS[name]()] for name in chosen})
    else:
        show(listing(chosen))
