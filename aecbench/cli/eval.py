"""aecbench eval."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from aecbench.cli import complete
from aecbench.cli.common import (
    AGAIN,
    ALIGN,
    BOARDS,
    CACHE,
    CORPORA,
    CORPUS,
    FORMAT,
    JOBS,
    JSON,
    METRIC,
    MODEL,
    QUICKSTART,
    RUNS,
    cache_folder,
    fail_if_failed,
    known,
    metrics_of,
    show,
    when_stopped,
)

if TYPE_CHECKING:
    from aecbench.corpus import Corpus
    from aecbench.metrics import Metric

__all__ = ["evaluate"]

SPLIT, ALIGNMENT = "test", "best"
TIMED, SHOWN = 24, 4  # number of scenes of --plots: for ERLE over time, and to look at and listen to


@click.command("eval")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="[NAME=]MODEL",
    help=MODEL,
    shell_complete=complete.models,
)
@click.option(
    "--predictions",
    multiple=True,
    metavar="[NAME=]DIR",
    help="Score the audio that another program wrote for exported scenes.",
)
@click.option(
    "--results",
    "results",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Add the systems of an earlier --out, without running them.",
)
@click.option(
    "--board",
    metavar="NAME",
    help="Take corpus, split, metrics and alignment from this board.",
    shell_complete=complete.boards,
)
@BOARDS
@CORPUS
@click.option("--split", help=f"Evaluate on this split.  [default: {SPLIT}]", shell_complete=complete.splits)
@click.option(
    "--scene",
    "scenes",
    multiple=True,
    metavar="ID",
    help="Evaluate only this scene, split/index; repeatable; saved with --out.",
)
@METRIC
@click.option(
    "--aecmos",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Score with this AECMOS model too; --metric aecmos needs no file.",
)
@click.option(
    "--dnsmos",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Score with this DNSMOS model too; --metric dnsmos needs no file.",
)
@click.option(
    "--by",
    multiple=True,
    metavar="NAME[=EDGE,...]",
    help="Break the scores down by this condition; twice: by both.",
)
@click.option(
    "--reference",
    metavar="NAME",
    help="Show the differences to this system, paired by scene.",
    shell_complete=complete.models,
)
@click.option("--align", metavar="best|auto|none|MS", help=f"{ALIGN}  [default: {ALIGNMENT}]")
@click.option("--jobs", type=JOBS, default=-1, show_default=True, help="Use this many processes; -1: one per core.")
@click.option("--scheduler", metavar="tcp://HOST:PORT", help="Run on the workers of this Dask cluster.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Add the results to the table in this folder.  [default: runs/CORPUS, runs/BOARD]",
)
@click.option("--cache/--no-cache", default=True, help=f"Keep scores in {CACHE} and reuse them.")
@click.option(
    "--save-audio",
    "audio",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write signals and outputs to this folder.",
)
@click.option(
    "--plots",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Draw scores, cost, ERLE over time, and scenes with their audio.",
)
@click.option(
    "--plot-format",
    "suffix",
    type=click.Choice(["png", "pdf", "svg"]),
    default="png",
    show_default=True,
    help="Format of the figures of --plots; pdf and svg are vector graphics.",
)
@FORMAT
@JSON
def evaluate(
    models: Sequence[str],
    predictions: Sequence[str],
    results: Sequence[Path],
    board: str | None,
    boards: Path | None,
    corpus_path: Path | None,
    split: str | None,
    scenes: Sequence[str],
    metrics: Sequence[str],
    aecmos: Path | None,
    dnsmos: Path | None,
    by: Sequence[str],
    reference: str | None,
    align: str | None,
    jobs: int,
    scheduler: str | None,
    out: Path | None,
    cache: bool,
    audio: Path | None,
    plots: Path | None,
    suffix: str,
    layout: str,
    as_json: bool,
) -> None:
    """Run systems on a corpus, score them, and print a table.

    The same command continues an evaluation that was stopped, and cached scores are reused. Where the true echo is
    known, the table also shows the oracle, which removes the echo and nothing else and is the upper limit.

    A model is a baseline, a folder with card.toml, pkg.mod:Class, an .onnx file, or 'command:prog {mic} {far} {out}';
    NAME=MODEL gives it a name. --predictions takes a file per scene, SPLIT-INDEX.wav or SPLIT/INDEX_mic.wav, which is
    the path of its microphone in aecbench export --format wav. --results takes a folder that --out named earlier, or
    its rows.parquet, with results for the same scenes; without models and predictions, nothing is run.

    --by takes talk, ser, ser_double, rt60, loudspeaker, nonlinear, noise, delay, path, or any other column of the
    scenes, with bins for numbers or the edges of your choice, and also writes table-by-NAME.csv and .md. --format latex
    also writes the table as a .tex file.

    Earlier results in the folder of --out are kept. A system replaces only its own results, with the same name, model
    and alignment. Results on another corpus or split, of another system with that name, or with fewer metrics than
    before, are rejected before anything is run.

    \b
    aecbench eval --model kalman
    aecbench eval --model nlms --model kalman --by ser --by talk
    aecbench eval --model nlms --model kalman --reference nlms --by rt60=0.3,0.6 --format latex
    aecbench eval --model mypackage.aec:MyCanceller --metric erle --metric pesq --json
    aecbench eval --model 'command:./prog --mic={mic} {far} {out}'
    aecbench eval --model tuned=runs/tune/kalman --model kalman --model onnx=deep_adaptive.onnx
    aecbench eval --board synthetic-v2 --model path/to/mine
    aecbench eval --model kalman --predictions outputs/of-another-program
    aecbench eval --model path/to/mine --results runs/baselines --reference kalman
    aecbench eval --results runs/paper --by ser --format latex
    aecbench eval --model kalman --scene test/000012 --save-audio listen
    aecbench eval --model nlms --model kalman --plots pictures --plot-format pdf
    """
    from aecbench.dsp.echo import NOTHING_CORRELATES
    from aecbench.errors import UsageError
    from aecbench.evaluation import evaluate as run
    from aecbench.evaluation import examples, outputs, plan, with_echo
    from aecbench.output import check_folder, whole_file
    from aecbench.report.results import difference_table, result_table
    from aecbench.results import CEILING, ResultTable, add, check, formats, groups, join, load, table_name
    from aecbench.systems import System, load_predictions, load_system

    task, systems, tables = None, list[System](), load(results)
    if models or predictions:
        if board is None:
            task = _of_corpus(corpus_path, split, scenes, align, metrics_of(metrics, aecmos, dnsmos))
        else:
            own = {"--split": split, "--scene": scenes, "--metric": metrics, "--align": align}
            for option in filter(own.get, own):
                raise UsageError(f"board {board} determines {option}; leave out {option}, or --board")
            task = _of_board(board, boards, corpus_path, aecmos, dnsmos)
        systems += [load_system(model, task.align) for model in dict.fromkeys(models)]
        systems += [load_predictions(file) for file in dict.fromkeys(predictions)]
        if task.board is None and task.echo_known and CEILING not in models:
            systems.append(load_system(CEILING))
        tables[None] = plan(systems, task.scenes, task.metrics, task.split)
        if out is None and not scenes:
            out = RUNS / (board or task.scenes.path.resolve().name)
    elif results:
        unused = {"--board": board, "--corpus": corpus_path, "--split": split, "--scene": scenes, "--metric": metrics}
        unused |= {"--aecmos": aecmos, "--dnsmos": dnsmos, "--align": align, "--save-audio": audio}
        for option in filter(unused.get, unused):
            raise UsageError(f"{option} is for systems that are run; leave it out, or give --model")
    else:
        raise UsageError("nothing to evaluate; give --model NAME, --predictions DIR or --results DIR")
    table = join(tables)
    groups.check(table.rows if task is None else task.scenes.to_pandas(), by)
    if reference is not None:
        known("system", reference, table.provenance["systems"])
    written = [path for path in (out, audio, plots) if path is not None]
    for path in written:
        check_folder(path)  # fail before hours of work, not after
    if out is not None:
        check(table, out)
    if task is not None:
        store = cache_folder() if cache and audio is None else None
        when_stopped(AGAIN if store else "no scores were kept")
        new = run(
            systems,
            task.scenes,
            task.metrics,
            split=task.split,
            jobs=jobs,
            scheduler=scheduler,
            cache=store,
            audio=audio,
        )
        if task.board is not None:
            new = ResultTable(new.rows, new.provenance | {"board": str(task.board)})
        table = join({**tables, None: new})
    if out is not None:
        whole = add(table, out, by)
        if layout == "latex":
            with whole_file(out / f"{table_name(by)}.tex") as file:
                file.write_text(formats.FORMATS[layout](whole, by, reference), encoding="utf-8")
    if plots is not None:
        from aecbench.plots import Evaluated, plot_evaluation

        timed, gallery = (
            [] if task is None else outputs(systems, choose(task.scenes, count), jobs=jobs)
            for choose, count in ((with_echo, TIMED), (examples, SHOWN))
        )
        plot_evaluation(Evaluated(table, systems, timed, gallery, by, f".{suffix}"), plots)
    layout = "json" if as_json else layout
    if layout != "rich":
        click.echo(formats.FORMATS[layout](table, by, reference), nl=False)
    else:
        show(result_table(table, by))
        if reference is not None:
            show(difference_table(table, reference, by))
        for path in written:
            click.echo(path)
    if table.no_echo:
        click.echo(f"{len(table.no_echo)} scenes, such as {table.no_echo[0]}: {NOTHING_CORRELATES}", err=True)
    fail_if_failed(table)


class Task(NamedTuple):
    """Scenes, split, metrics and alignment, from a board or from options."""

    scenes: "Corpus"
    split: str
    metrics: "dict[str, Metric]"
    align: str
    board: Path | None = None

    @property
    def echo_known(self) -> bool:
        """Whether the echo of every scene is known, as in simulated ones."""
        table = self.scenes.scenes
        return "stems" not in table or bool(table["stems"].dropna().all())


def _of_board(name: str, boards: Path | None, corpus: Path | None, aecmos: Path | None, dnsmos: Path | None) -> Task:
    """Return the task of a leaderboard, with the metrics of the model files as well."""
    from aecbench.leaderboard import board_corpus, board_metrics, find_board, read_rules

    path = find_board(name, boards)
    rules = read_rules(path)
    part = board_corpus(rules, corpus or CORPORA / name).split(rules.corpus.split)
    return Task(part, rules.corpus.split, metrics_of(board_metrics(rules), aecmos, dnsmos), rules.alignment, path)


def _of_corpus(
    path: Path | None, split: str | None, chosen: Sequence[str], align: str | None, metrics: "dict[str, Metric]"
) -> Task:
    """Return the task of a split of a corpus, or of the scenes chosen from it."""
    from aecbench.corpus import open_corpus

    corpus = open_corpus(path or CORPORA / QUICKSTART)
    if chosen:
        corpus = corpus.where(scene=[corpus.scenes["scene"].iloc[corpus.find(scene)] for scene in chosen])
    part = corpus.split(split or SPLIT)
    return Task(part, split or SPLIT, metrics, align or ALIGNMENT)
