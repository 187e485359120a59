"""aecbench compare."""

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
    cache_folder,
    fail_if_failed,
    known,
    metrics_of,
    show,
    show_json,
    when_stopped,
)

__all__ = ["compare"]

SORT = "erle_true"


@click.command()
@click.argument("ours", metavar="A", shell_complete=complete.models)
@click.argument("theirs", metavar="B", shell_complete=complete.models)
@CORPUS
@click.option(
    "--split", default="test", show_default=True, help="Compare on this split.", shell_complete=complete.splits
)
@METRIC
@click.option(
    "--sort",
    metavar="NAME",
    help=f"List scenes by this metric.  [default: {SORT}, or the first]",
    shell_complete=complete.metrics,
)
@click.option(
    "--worst",
    type=click.IntRange(0),
    default=5,
    show_default=True,
    help="List this many of the worst scenes of each system.",
)
@click.option("--align", default="best", show_default=True, metavar="best|auto|none|MS", help=ALIGN)
@click.option("--jobs", type=JOBS, default=-1, show_default=True, help="Use this many processes; -1: one per core.")
@click.option("--cache/--no-cache", default=True, help=f"Keep scores in {CACHE} and reuse them.")
@JSON
def compare(
    ours: str,
    theirs: str,
    corpus_path: Path | None,
    split: str,
    metrics: Sequence[str],
    sort: str | None,
    worst: int,
    align: str,
    jobs: int,
    cache: bool,
    as_json: bool,
) -> None:
    """Compare two systems scene by scene.

    This prints the mean differences, how often each system is better, and the scenes in which each is worst, with the
    command that writes their audio. A and B are models, as for aecbench eval, or folders of WAV files that another
    program wrote.

    \b
    aecbench compare kalman nlms
    aecbench compare kalman outputs/of-another-program --corpus corpora/synthetic-v2 --metric pesq --worst 10
    """
    from aecbench.corpus import open_corpus
    from aecbench.evaluation import evaluate as run
    from aecbench.report.results import comparison, listen_command, result_table, scenes_table
    from aecbench.results import result_json
    from aecbench.systems import load_predictions, load_system

    folder = corpus_path or CORPORA / QUICKSTART
    corpus, by_name = open_corpus(folder), metrics_of(metrics)
    by = sort or (SORT if SORT in by_name else next(iter(by_name)))
    known("metric", by, by_name)
    options = ["--model" if _is_model(name) else "--predictions" for name in (ours, theirs)]
    systems = [load_system(x, align) if _is_model(x) else load_predictions(x) for x in (ours, theirs)]
    store = cache_folder() if cache else None
    when_stopped(AGAIN if store else "no scores were kept")
    table = run(systems, corpus, by_name, split=split, jobs=jobs, cache=store)
    first, second = table.systems
    words = [options[0], ours, options[1], theirs, "--align", align]
    furthest = {}
    for behind, ahead in ((first, second), (second, first)):
        scenes = table.behind(behind, ahead, by, worst)
        commands = [listen_command(scene, str(folder), split, *words) for scene in scenes["scene"]]
        furthest[behind] = scenes.assign(listen=commands)
    if as_json:
        records = {name: scenes.to_dict("records") for name, scenes in furthest.items()}
        show_json({**result_json(table, (), second), "sort": by, "behind": records})
    else:
        show(result_table(table), *comparison(table, first, second))
        for name, scenes in furthest.items():
            ahead = second if name == first else first
            show(scenes_table(scenes.drop(columns="listen"), f"{name} furthest behind {ahead}, by {by}"))
            for line in scenes["listen"]:
                click.echo(line)
    fail_if_failed(table)


def _is_model(name: str) -> bool:
    """Return whether a name is a model; a folder without a card contains outputs."""
    from aecbench.systems import card_folder, split_name

    _, model = split_name(name)
    return not Path(model).is_dir() or card_folder(model) is not None
