"""aecbench quickstart."""

import click

from aecbench.cli.common import (
    AGAIN,
    CORPORA,
    JOBS,
    JSON,
    QUICKSTART,
    RUNS,
    fail_if_failed,
    show,
    show_json,
    when_stopped,
)

__all__ = ["quickstart"]


@click.command()
@click.option("--jobs", type=JOBS, default=-1, show_default=True, help="Use this many processes; -1: one per core.")
@JSON
def quickstart(jobs: int, as_json: bool) -> None:
    """Simulate a small corpus and compare all systems on it.

    This simulates 20 scenes of 5 s, runs every shipped system on them, and prints the table. Nothing is downloaded. It
    takes about a minute on two cores.

    \b
    aecbench quickstart
    """
    import joblib

    from aecbench.assets import names
    from aecbench.evaluation import evaluate, plan
    from aecbench.evaluation.run import warm_up
    from aecbench.metrics import RANKED_BY, choose
    from aecbench.parallel import in_parallel
    from aecbench.plots.style import save
    from aecbench.recipe import read_recipe
    from aecbench.report.corpus import corpus_report
    from aecbench.report.results import result_table
    from aecbench.results import CEILING, add, check, result_json, standings
    from aecbench.simulation import simulate
    from aecbench.systems import load_system

    when_stopped(AGAIN)
    spec, folder = read_recipe(QUICKSTART), RUNS / QUICKSTART
    systems = [load_system(name) for name in (*names("baselines"), CEILING)]
    if joblib.effective_n_jobs(jobs) == 1:
        corpus = simulate(spec, CORPORA / QUICKSTART)
    else:  # systems with similar names share code, so one process compiles from the first on, another from the last on
        half = len(systems) // 2
        tasks = [joblib.delayed(simulate)(spec, CORPORA / QUICKSTART)]
        tasks += [joblib.delayed(warm_up)(part, spec.rate) for part in (systems[:half], systems[half:][::-1])]
        corpus, *_ = in_parallel(tasks, len(tasks), "simulate and compile", "tasks", jobs=jobs)
    if not as_json:
        show(corpus_report(corpus))
    check(plan(systems, corpus, choose(None)), folder)
    table = evaluate(systems, corpus, jobs=jobs)
    table = table.in_order([standing.name for standing in standings(table, RANKED_BY)])  # as in the README
    add(table, folder)
    save(table.plot(), folder / "table.png")
    if as_json:
        show_json({**result_json(table), "folder": folder})
    else:
        show(result_table(table))
        click.echo(folder)
    fail_if_failed(table)
