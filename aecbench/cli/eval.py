"""aecbench eval."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from aecbench.cli.common import CORPORA, JOBS, QUICKSTART, RUNS, evaluate_all, fail_if_failed, known, show

__all__ = ["evaluate"]


@click.command("eval")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="NAME",
    help="Baseline, folder with card.toml, pkg.mod:Class, or 'command:prog {mic} {far} {out}'.",
)
@click.option(
    "--predictions",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="What another program made of the exported scenes: <split>-<index>.wav, as long as mic and aligned with it.",
)
@click.option("--corpus", "corpus_path", type=click.Path(path_type=Path), help=f"[default: corpora/{QUICKSTART}]")
@click.option("--split", default="test", show_default=True)
@click.option("--metric", "metrics", multiple=True, metavar="NAME", help="Score only this one; may be repeated.")
@click.option("--by", metavar="CONDITION", help="Break down by talk, ser, rt60, loudspeaker, noise, delay, path, ...")
@click.option("--jobs", type=JOBS, default=-1, show_default=True, help="Processes; -1: one per core.")
@click.option("--scheduler", metavar="tcp://HOST:PORT", help="Run on the workers of a Dask cluster instead.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Folder for rows.parquet, table.csv, table.md.  [default: runs/CORPUS]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def evaluate(
    models: Sequence[str],
    predictions: Sequence[Path],
    corpus_path: Path | None,
    split: str,
    metrics: Sequence[str],
    by: str | None,
    jobs: int,
    scheduler: str | None,
    out: Path | None,
    as_json: bool,
) -> None:
    """Run systems on every scene of a corpus's split, score them, print a table.

    \b
    aecbench eval --model kalman
    aecbench eval --model nlms --model kalman --by ser
    aecbench eval --model mypackage.aec:MyCanceller --metric erle --metric pesq --json
    aecbench eval --model 'command:./prog --mic={mic} {far} {out}'
    aecbench eval --model kalman --predictions outputs/of-another-program
    """
    from aecbench.corpus import open_corpus
    from aecbench.errors import UsageError
    from aecbench.report import result_json, result_table
    from aecbench.scenes.conditions import CONDITIONS

    if by is not None:
        known("condition", by, CONDITIONS)
    if not (models or predictions):
        raise UsageError("nothing to evaluate; give --model NAME or --predictions DIR")
    corpus = open_corpus(corpus_path or CORPORA / QUICKSTART)
    table = evaluate_all(models, corpus, split, metrics, jobs, scheduler, predictions)
    folder = out or RUNS / str(corpus.info["spec"]["name"])
    table.save(folder)
    if as_json:
        click.echo(json.dumps(result_json(table)))
    else:
        show(result_table(table, by))
        click.echo(f"{folder}")
    fail_if_failed(table)
