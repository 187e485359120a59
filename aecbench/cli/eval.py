"""aecbench eval."""

from collections.abc import Sequence
from pathlib import Path

import click

from aecbench.cli import complete
from aecbench.cli.common import (
    AGAIN,
    ALIGN,
    CACHE,
    CORPORA,
    CORPUS,
    JOBS,
    JSON,
    METRIC,
    QUICKSTART,
    RUNS,
    fail_if_failed,
    known,
    metrics_of,
    show,
    when_stopped,
)

__all__ = ["evaluate"]

FORMATS = ["rich", "md", "csv", "latex", "html", "json"]


@click.command("eval")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME",
    help="Baseline, folder with card.toml, pkg.mod:Class, or 'command:prog {mic} {far} {out}'.",
    shell_complete=complete.models,
)
@click.option(
    "--predictions",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="What another program made of the exported scenes: <split>-<index>.wav, as long as mic and aligned with it.",
)
@CORPUS
@click.option("--split", default="test", show_default=True, shell_complete=complete.splits)
@click.option(
    "--scene", "scenes", multiple=True, metavar="ID", help="Only this one, split/index, and no file; may be repeated."
)
@METRIC
@click.option("--aecmos", type=click.Path(path_type=Path), metavar="FILE", help="Score by this AECMOS model too.")
@click.option("--dnsmos", type=click.Path(path_type=Path), metavar="FILE", help="Score by this DNSMOS model too.")
@click.option(
    "--by",
    multiple=True,
    metavar="NAME[=EDGE,...]",
    help="Break down by talk, ser, rt60, loudspeaker, nonlinear, noise, delay, path, or anything that was drawn; "
    "numbers in bins, or between these edges. Given twice: by both.",
)
@click.option(
    "--reference",
    metavar="NAME",
    help="Show the differences to this system too, scene by scene.",
    shell_complete=complete.models,
)
@click.option("--align", default="best", show_default=True, metavar="best|auto|none|MS", help=ALIGN)
@click.option("--jobs", type=JOBS, default=-1, show_default=True, help="Processes; -1: one per core.")
@click.option("--scheduler", metavar="tcp://HOST:PORT", help="Run on the workers of a Dask cluster instead.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for rows.parquet, table.csv, table.md.  [default: runs/CORPUS]",
)
@click.option("--cache/--no-cache", default=True, help=f"Keep scores in {CACHE}, and take those that are there.")
@click.option(
    "--save-audio", "audio", type=click.Path(path_type=Path), metavar="DIR", help="Write signals and outputs."
)
@click.option(
    "--plots",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Draw pictures: box plots, scores over SER, RT60 and delay, cost, ERLE over time, scenes with their audio.",
)
@click.option("--format", "layout", type=click.Choice(FORMATS), default="rich", show_default=True)
@JSON
def evaluate(
    models: Sequence[str],
    predictions: Sequence[Path],
    corpus_path: Path | None,
    split: str,
    scenes: Sequence[str],
    metrics: Sequence[str],
    aecmos: Path | None,
    dnsmos: Path | None,
    by: Sequence[str],
    reference: str | None,
    align: str,
    jobs: int,
    scheduler: str | None,
    out: Path | None,
    cache: bool,
    audio: Path | None,
    plots: Path | None,
    layout: str,
    as_json: bool,
) -> None:
    """Run systems on every scene of a corpus's split, score them, print a table.

    An evaluation that was stopped goes on where it was, and what was scored before is not scored again. Where the true
    echo is known, the oracle is in the table too: it takes away the echo and nothing else, and is what can be reached.

    \b
    aecbench eval --model kalman
    aecbench eval --model nlms --model kalman --by ser --by talk
    aecbench eval --model nlms --model kalman --reference nlms --by rt60=0.3,0.6 --format latex
    aecbench eval --model mypackage.aec:MyCanceller --metric erle --metric pesq --json
    aecbench eval --model 'command:./prog --mic={mic} {far} {out}'
    aecbench eval --model kalman --predictions outputs/of-another-program
    aecbench eval --model kalman --scene test/000012 --save-audio listen
    aecbench eval --model nlms --model kalman --plots pictures
    """
    from aecbench.corpus import open_corpus
    from aecbench.errors import UsageError
    from aecbench.evaluation import evaluate as run
    from aecbench.report import difference_table, result_table
    from aecbench.results import CEILING, formats, groups
    from aecbench.systems import load_predictions, load_system

    if not (models or predictions):
        raise UsageError("nothing to evaluate; give --model NAME or --predictions DIR")
    corpus = open_corpus(corpus_path or CORPORA / QUICKSTART)
    if scenes:
        from aecbench.plots import find_scene

        ids = corpus.scenes["scene"]
        corpus = corpus.where(scene=[ids[find_scene(corpus, scene)] for scene in scenes])
    groups.check(corpus.split(split).to_pandas(), by)
    chosen = metrics_of(metrics, aecmos, dnsmos)
    systems = [load_system(model, align) for model in dict.fromkeys(models)]
    systems += [load_predictions(folder) for folder in dict.fromkeys(predictions)]
    real = "stems" in corpus.scenes and not corpus.scenes["stems"].dropna().all()
    if CEILING not in models and not real:
        systems.append(load_system(CEILING))
    if reference is not None:
        known("system", reference, [system.name for system in systems])
    kept = CACHE if cache else None
    when_stopped(AGAIN if cache and audio is None else "no scores were kept")
    table = run(systems, corpus, chosen, split=split, jobs=jobs, scheduler=scheduler, cache=kept, audio=audio)
    folder = RUNS / str(corpus.info["spec"]["name"]) if out is None and not scenes else out
    if folder is not None:
        table.save(folder)
    if plots is not None:
        from aecbench.plots import Evaluated, plot_evaluation

        plot_evaluation(Evaluated(table, systems, corpus.split(split), split, jobs), plots)
    layout = "json" if as_json else layout
    if layout != "rich":
        click.echo(formats.FORMATS[layout](table, by, reference), nl=False)
    else:
        show(result_table(table, by))
        if reference is not None:
            show(difference_table(table, reference, by))
        for place in filter(None, (folder, audio, plots)):
            click.echo(place)
    fail_if_failed(table)
