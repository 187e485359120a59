"""aecbench fetch."""

from pathlib import Path

import click

from aecbench.cli import complete
from aecbench.cli.common import AGAIN, JSON, show_json, when_stopped

__all__ = ["fetch"]


@click.command()
@click.argument("pack", shell_complete=complete.packs)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Check the files in this folder instead of downloading them.  [default: $AECBENCH_DATA]",
)
@JSON
def fetch(pack: str, data: Path | None, as_json: bool) -> None:
    """Download the data pack PACK, check all of it, and print where it is.

    Fetching again keeps what is there and whole; an interrupted download goes on where it stopped. To simulate with the
    files of a folder of your own, set AECBENCH_DATA to it.

    \b
    aecbench fetch open-speech-v1
    aecbench fetch open-speech-v1 --data DIR
    """
    from aecbench.packs import fetch as run

    when_stopped(AGAIN)
    place = run(pack, data).root
    if as_json:
        show_json({"pack": pack, "path": place})
    else:
        click.echo(place)
