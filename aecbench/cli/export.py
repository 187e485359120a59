"""aecbench export."""

from pathlib import Path

import click

from aecbench.cli.common import known

__all__ = ["export"]


@click.command()
@click.argument("corpus", type=click.Path(path_type=Path))
@click.option("--format", "layout", required=True, metavar="LAYOUT", help="wav or aec-challenge.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="New folder.")
@click.option("--split", metavar="S", help="Export this split only.")
def export(corpus: Path, layout: str, out: Path, split: str | None) -> None:
    """Write CORPUS as WAV files with tables and a croissant.json, for other people's code.

    wav keeps everything; aec-challenge keeps the signals, and of the rest what its meta.csv has columns for.

    \b
    aecbench export corpora/speech-v1 --format wav --out speech-v1-wav
    aecbench export corpora/speech-v1 --format aec-challenge --split train --out challenge
    """
    from aecbench.corpus import open_corpus
    from aecbench.corpus.layouts import LAYOUTS
    from aecbench.corpus.layouts import export as run

    known("layout", layout, LAYOUTS)
    opened = open_corpus(corpus)
    click.echo(run(opened if split is None else opened.split(split), LAYOUTS[layout], out))
