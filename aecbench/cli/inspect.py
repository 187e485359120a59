"""aecbench inspect."""

from collections.abc import Sequence
from pathlib import Path

import click

from aecbench.cli.common import CORPORA, QUICKSTART, RUNS

__all__ = ["inspect"]


@click.command()
@click.argument("corpus", type=click.Path(path_type=Path), default=CORPORA / QUICKSTART)
@click.option(
    "--scene",
    "scenes",
    multiple=True,
    metavar="ID",
    help="split/index of a scene; may be repeated.  [default: the first with double talk]",
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the pictures.  [default: runs/CORPUS/inspect]")
def inspect(corpus: Path, scenes: Sequence[str], out: Path | None) -> None:
    """Draw pictures of a corpus: how everything is distributed, and single scenes with all there is to see.

    \b
    aecbench inspect
    aecbench inspect corpora/speech-v1 --scene test/000012 --out pictures
    """
    from aecbench.corpus import open_corpus
    from aecbench.plots import find_scene, plot_corpus, plot_scene, scene_picture

    opened = open_corpus(corpus)
    places = [find_scene(opened, scene) for scene in scenes or (None,)]
    folder = out or RUNS / str(opened.info["spec"]["name"]) / "inspect"
    plot_corpus(opened, folder / "overview.png")
    click.echo(folder / "overview.png")
    for place in places:
        picture = folder / scene_picture(opened[place].scene)
        plot_scene(opened, place, picture)
        click.echo(picture)
