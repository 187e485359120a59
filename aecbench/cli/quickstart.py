"""aecbench quickstart."""

import click

from aecbench.cli.common import CORPORA, JOBS, QUICKSTART, RUNS, fail_if_failed, show

__all__ = ["quickstart"]


@click.command()
@click.option("--jobs", type=JOBS, default=-1, show_default=True, help="Processes; -1: one per core.")
def quickstart(jobs: int) -> None:
    """Simulate a small corpus, run every shipped baseline on it, print the table. Nothing is downloaded.

    \b
    aecbench quickstart
    """
    from aecbench.assets import names
    from aecbench.evaluate import compare
    from aecbench.plots import plot_results
    from aecbench.recipe import read_recipe
    from aecbench.report import corpus_report, result_table
    from aecbench.simulate import simulate as run
    from aecbench.systems import load_system

    corpus = run(read_recipe(QUICKSTART), CORPORA / QUICKSTART, jobs=jobs)
    show(corpus_report(corpus))
    table = compare([load_system(name) for name in names("baselines")], corpus, jobs=jobs)
    folder = RUNS / QUICKSTART
    table.save(folder)
    plot_results(table, folder / "table.png")
    show(result_table(table))
    click.echo(f"{folder}")
    fail_if_failed(table)
