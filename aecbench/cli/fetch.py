"""aecbench fetch."""

from collections.abc import Sequence
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
@click.option("--only", multiple=True, metavar="TEXT", help="Fetch only files with TEXT in their path; repeatable.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Fetch at most N recordings.")
@JSON
def fetch(pack: str, data: Path | None, only: Sequence[str], limit: int | None, as_json: bool) -> None:
    """Download a data pack and check the hash of every file.

    This prints the folder. Fetching again keeps intact files and resumes interrupted downloads. If you have the files
    already, set AECBENCH_DATA to their folder. A set of recordings can be fetched in part: a file is chosen if its path
    contains every TEXT, and a larger N includes the recordings of a smaller one.

    \b
    aecbench fetch open-speech-v1
    aecbench fetch open-speech-v1 --data DIR
    aecbench fetch aec-challenge/blind_test_set_icassp2022 --only doubletalk --limit 20
    """
    from aecbench.packs import fetch as run

    when_stopped(AGAIN)
    root = run(pack, data, only=only, limit=limit).root
    if as_json:
        show_json({"pack": pack, "path": root})
    else:
        click.echo(root)
