"""aecbench inspect."""

from collections.abc import Sequence
from pathlib import Path

import click

from aecbench.cli.common import CORPORA, JSON, QUICKSTART, RUNS, show_json

__all__ = ["inspect"]


@click.command()
@click.argument("corpus", type=click.Path(path_type=Path), default=CORPORA / QUICKSTART)
@click.option(
    "--scene",
    "scenes",
    multiple=True,
    metavar="ID",
    help="Draw this scene, split/index; repeatable.  [default: the first with double talk]",
)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the pictures to this folder.  [default: runs/CORPUS/inspect]"
)
@JSON
def inspect(corpus: Path, scenes: Sequence[str], out: Path | None, as_json: bool) -> None:
    """Draw the distributions of a corpus, and single scenes.

    Without CORPUS, this draws corpora/quickstart-v2.

    \b
    aecbench inspect
    aecbench inspect corpora/synthetic-v2 --scene test/000012 --out pictures
    """
    from aecbench.corpus import open_corpus
    from aecbench.plots import plot_corpus, plot_scene, scene_picture
    from aecbench.report.corpus import corpus_facts

    opened = open_corpus(corpus)
    indices = [opened.find(scene) for scene in scenes or (None,)]
    folder = out or RUNS / str(opened.info["spec"]["name"]) / "inspect"
    pictures: list[Path] = []

    def drawn(picture: Path) -> None:
        pictures.append(picture)
        if not as_json:
            click.echo(picture)

    plot_corpus(opened, folder / "overview.png")
    drawn(folder / "overview.png")
    for index in indices:
        picture = folder / scene_picture(opened[index].scene)
        plot_scene(opened, index, picture)
        drawn(picture)
    if as_json:
        show_json({"corpus": corpus_facts(opened), "pictures": pictures})
