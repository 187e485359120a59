"""aecbench fetch."""

from pathlib import Path

import click

__all__ = ["fetch"]


@click.command()
@click.argument("pack")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Folder that may have the files already: then they are checked there.  [default: $AECBENCH_DATA]",
)
def fetch(pack: str, data: Path | None) -> None:
    """Download the data pack PACK, check all of it, and print where it is.

    Fetching again keeps what is there and whole; an interrupted download goes on where it stopped. To simulate with the
    files of a folder of your own, set AECBENCH_DATA to it.

    \b
    aecbench fetch open-speech-v1
    aecbench fetch open-speech-v1 --data DIR
    """
    from aecbench.packs import fetch as run

    click.echo(run(pack, data).root)
