"""aecbench simulate."""

import os
from collections.abc import Sequence
from pathlib import Path

import click

from aecbench.cli import complete
from aecbench.cli.common import AGAIN, JOBS, JSON, QUICKSTART, show, show_json, when_stopped

__all__ = ["simulate"]


@click.command()
@click.argument("recipe", default=QUICKSTART, shell_complete=complete.recipes)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write the corpus to this folder.  [default: corpora/NAME]"
)
@click.option("--speech", metavar="SRC", help="Use espeak, a pack, a folder, a CSV manifest, or pkg.mod:NAME.")
@click.option("--noise", metavar="SRC", help="Use a pack, a folder of recordings, or a CSV manifest.")
@click.option("--rir", metavar="SRC", help="Use measured rooms from a folder or a CSV manifest.")
@click.option(
    "--data", type=click.Path(path_type=Path), envvar="AECBENCH_DATA", help="Find the files of packs in this folder."
)
@click.option("--echo", metavar="CSV", help="Use recorded echo, as listed by aecbench echoes.")
@click.option(
    "--split", metavar="S", help="Simulate this split only: train, val or test.", shell_complete=complete.splits
)
@click.option("--scenes", type=click.IntRange(1), help="Simulate this many scenes of each split that has scenes.")
@click.option("--seed", type=click.IntRange(0), help="Draw other scenes with another seed.")
@click.option("--jobs", type=JOBS, default=-1, show_default=True, help="Use this many processes; -1: one per core.")
@click.option("--scheduler", metavar="tcp://HOST:PORT", help="Run on the workers of this Dask cluster.")
@click.option("--set", "assignments", multiple=True, metavar="KEY.PATH=VALUE", help="Change one value of the recipe.")
@JSON
def simulate(
    recipe: str,
    out: Path | None,
    speech: str | None,
    noise: str | None,
    rir: str | None,
    echo: str | None,
    data: Path | None,
    split: str | None,
    scenes: int | None,
    seed: int | None,
    jobs: int,
    scheduler: str | None,
    assignments: Sequence[str],
    as_json: bool,
) -> None:
    """Simulate the corpus of a recipe.

    RECIPE is the name of a shipped recipe (aecbench list recipes) or a TOML file; without it, quickstart-v2. An
    interrupted run continues where it stopped, and simulating the same corpus again keeps all files that are intact.

    \b
    aecbench simulate
    aecbench simulate synthetic-v2 --split test
    aecbench simulate speech-v1 --speech my/manifest.csv --noise my/recordings
    aecbench simulate my.toml --set levels.ser='{uniform=[-20, 0]}' --set room.rt60=0.4 --out corpora/mine
    """
    from aecbench.recipe import read_recipe
    from aecbench.report.corpus import corpus_facts, corpus_report
    from aecbench.simulation import simulate as run

    options = {"speech.source": speech, "noise.source": noise, "room.source": rir, "seed": seed}
    options |= {"echo.source": echo}
    if data is not None:
        os.environ["AECBENCH_DATA"] = str(data)  # for worker processes too
    spec = read_recipe(recipe, assignments, options, split=split, scenes=scenes)
    when_stopped(AGAIN)
    corpus = run(spec, out, jobs=jobs, scheduler=scheduler)
    if as_json:
        show_json({"corpus": corpus_facts(corpus)})
    else:
        show(corpus_report(corpus))
