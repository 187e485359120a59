"""aecbench verify."""

from pathlib import Path

import click

from aecbench.cli.common import CORPORA, JOBS, JSON, QUICKSTART, show_json, when_stopped

__all__ = ["verify"]


@click.command()
@click.argument("corpus", type=click.Path(path_type=Path), default=CORPORA / QUICKSTART)
@click.option("--repair", "mend", is_flag=True, help="Render damaged and missing shards again.")
@click.option(
    "--jobs", type=JOBS, default=-1, show_default=True, help="Repair with this many processes; -1: one per core."
)
@JSON
def verify(corpus: Path, mend: bool, jobs: int, as_json: bool) -> None:
    """Read every byte of a corpus and list damaged files.

    Files that are missing, swapped or in the wrong place are listed too. The exit code is 1 if there are any, unless
    --repair restores all of them. Without CORPUS, corpora/quickstart-v2 is read.

    \b
    aecbench verify corpora/synthetic-v2
    aecbench verify corpora/synthetic-v2 --repair
    """
    from aecbench.corpus import open_corpus
    from aecbench.corpus.verify import verify as check
    from aecbench.errors import CorpusError
    from aecbench.report.corpus import verify_facts, verify_lines
    from aecbench.simulation import repair

    opened = open_corpus(corpus)
    if mend:
        when_stopped("repaired files are kept: the same command continues from there")
    problems = repair(opened, jobs=jobs) if mend else check(opened)
    if as_json:
        show_json(verify_facts(opened, problems, repaired=mend))
    else:
        for line in verify_lines(opened, problems, repaired=mend):
            click.echo(line)
    unreadable = sum(not problem.readable for problem in problems)
    if unreadable:
        raise CorpusError(f"{corpus}: {unreadable} of {len(problems)} files cannot be read, so they may be intact")
    if problems and not mend:
        raise CorpusError(f"{corpus}: {len(problems)} files are damaged or missing; repair them with --repair")
