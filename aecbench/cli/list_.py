"""aecbench list."""

import click

from aecbench.cli import complete
from aecbench.cli.common import JSON, known, show, show_json

__all__ = ["list_"]


@click.command("list")
@click.argument("what", required=False, shell_complete=complete.listings)
@JSON
def list_(what: str | None, as_json: bool) -> None:
    """List what there is: recipes, models, metrics, sources, packs, or all of them.

    Each line says where it comes from: it is shipped, or an installed package offers it.

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
