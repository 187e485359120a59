"""aecbench tune."""

from collections.abc import Sequence
from pathlib import Path

import click

from aecbench.cli import complete
from aecbench.cli.common import (
    ALIGN,
    JOBS,
    JSON,
    RUNS,
    show,
    show_json,
    when_stopped,
)

__all__ = ["tune"]

METRIC = "erle_true"


@click.command()
@click.argument("model", shell_complete=complete.models)
@click.option(
    "--corpus",
    "corpus_path",
    type=click.Path(path_type=Path),
    required=True,
    help="Tune on this corpus, which has a split val or train.",
)
@click.option("--split", default="val", show_default=True, help="Tune on this split: val or train.")
@click.option(
    "--trials",
    type=click.IntRange(1),
    default=50,
    show_default=True,
    help="Run this many trials in total, including earlier ones.",
)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    metavar="NAME[=WEIGHT]",
    help=f"Maximise the weighted sum of these metrics; repeatable.  [default: {METRIC}]",
    shell_complete=complete.metrics,
)
@click.option("--scenes", type=click.IntRange(1), help="Use only the first N scenes of the split.")
@click.option("--param", "parameters", multiple=True, metavar="NAME", help="Search only this parameter; repeatable.")
@click.option("--align", default="auto", show_default=True, metavar="best|auto|none|MS", help=ALIGN)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Search with this seed.")
@click.option("--jobs", type=JOBS, default=-1, show_default=True, help="Use this many processes; -1: one per core.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Write card.toml to this folder.  [default: runs/tune/MODEL, with . for :]",
)
@JSON
def tune(
    model: str,
    corpus_path: Path,
    split: str,
    trials: int,
    metrics: Sequence[str],
    scenes: int | None,
    parameters: Sequence[str],
    align: str,
    seed: int,
    jobs: int,
    out: Path | None,
    as_json: bool,
) -> None:
    """Search for the parameters with the best scores on a corpus.

    The best parameters are written to a card, whose folder is a model for --model. The first trial uses the present
    parameters of MODEL. The same command continues a search that was stopped, up to --trials.

    \b
    aecbench tune kalman --corpus corpora/tuning --scenes 48
    aecbench tune mypackage.aec:MyCanceller --corpus corpora/tuning --metric erle=0.1 --metric pesq=4 --trials 100
    """
    from aecbench.corpus import open_corpus
    from aecbench.errors import UsageError
    from aecbench.report.tuning import tuning_tables
    from aecbench.systems import load_system
    from aecbench.tuning import tune as run

    named = [_weight(metric) for metric in metrics or [METRIC]]
    weights = dict(named)
    if len(weights) < len(named):
        raise UsageError(f"--metric {' --metric '.join(metrics)}: names a metric twice; give each metric one weight")
    system = load_system(model, align)
    corpus = open_corpus(corpus_path)
    folder = out or RUNS / "tune" / system.name.replace(":", ".")  # with a colon, it would be a class
    when_stopped(
        f"the finished trials are kept in {folder}: the same command continues from there, and with fewer --trials "
        f"writes the best so far"
    )
    tuned = run(
        system,
        corpus,
        weights,
        split=split,
        trials=trials,
        scenes=scenes,
        parameters=parameters,
        seed=seed,
        jobs=jobs,
        out=folder,
    )
    if as_json:
        show_json(tuned)
    else:
        show(*tuning_tables(tuned))
        click.echo(tuned.card)


def _weight(text: str) -> tuple[str, float]:
    """Return name and weight in "pesq=4"; the default weight is 1. Raises UsageError."""
    from aecbench.errors import UsageError

    name, separator, number = text.partition("=")
    try:
        return name, float(number) if separator else 1.0
    except ValueError:
        raise UsageError(f"--metric {text!r}: expected NAME or NAME=WEIGHT, e.g. --metric pesq=4") from None
