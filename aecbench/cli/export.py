"""aecbench export."""

from pathlib import Path

import click

from aecbench.cli import complete
from aecbench.cli.common import JSON, known, show_json, when_stopped

__all__ = ["export"]


@click.command()
@click.argument("corpus", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "layout",
    required=True,
    metavar="LAYOUT",
    help="Write this layout: wav or aec-challenge.",
    shell_complete=complete.layouts,
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Write to this new folder.")
@click.option("--split", metavar="S", help="Export this split only.", shell_complete=complete.splits)
@JSON
def export(corpus: Path, layout: str, out: Path, split: str | None, as_json: bool) -> None:
    """Write a corpus as WAV files with tables, for other programs.

    The layout wav contains everything. The layout aec-challenge contains the signals, and the facts for which its
    meta.csv has columns. Both include a croissant.json, which describes the files.

    \b
    aecbench export corpora/synthetic-v2 --format wav --out exported
    aecbench export corpora/synthetic-v2 --format aec-challenge --split test --out challenge
    """
    from aecbench.corpus import open_corpus
    from aecbench.corpus.layouts import LAYOUTS
    from aecbench.corpus.layouts import export as run

    known("layout", layout, LAYOUTS)
    opened = open_corpus(corpus)
    when_stopped(f"{out} is not finished: remove it, and export again")
    path = run(opened if split is None else opened.split(split), LAYOUTS[layout], out)
    if as_json:
        show_json({"path": path})
    else:
        click.echo(path)
