"""aecbench verify."""

from pathlib import Path

import click

from aecbench.cli.common import CORPORA, JOBS, QUICKSTART

__all__ = ["verify"]


@click.command()
@click.argument("corpus", type=click.Path(path_type=Path), default=CORPORA / QUICKSTART)
@click.option("--repair", "mend", is_flag=True, help="Render what is damaged or missing again.")
@click.option("--jobs", type=JOBS, default=-1, show_default=True, help="Processes that repair; -1: one per core.")
def verify(corpus: Path, mend: bool, jobs: int) -> None:
    """Read every byte of CORPUS and name each file that is missing, damaged, swapped or out of place.

    Ends with 1 when there is one, unless it was repaired.

    \b
    aecbench verify corpora/speech-v1
    aecbench verify corpora/speech-v1 --repair
    """
    from aecbench.corpus import open_corpus
    from aecbench.corpus.verify import verify as check
    from aecbench.errors import CorpusError
    from aecbench.simulate import repair

    found = open_corpus(corpus)
    problems = repair(found, jobs=jobs) if mend else check(found)
    for problem in problems:
        click.echo(f"{problem.file}: {problem.what}{', repaired' if mend else ''}")
    if problems and not mend:
        raise CorpusError(f"{corpus}: {len(problems)} files are not as they were made; mend them with --repair")
    click.echo(f"{corpus}: whole, {len(found)} scenes, digest {found.digest}")
