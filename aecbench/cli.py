"""The command line: parse, call one function, print a path or a table."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from aecbench import __version__
from aecbench.errors import AecbenchError

__all__ = ["main"]

QUICKSTART = "quickstart-v1"
CORPORA, RUNS = Path("corpora"), Path("runs")
WIDTH = 130  # of tables, at least: a narrow terminal wraps them
JOBS = click.IntRange(-1, 1024)


class Group(click.Group):
    """Turns the errors of aecbench into one line on standard error and their exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except AecbenchError as error:
            click.echo(f"aecbench: {' '.join(str(error).split())}", err=True)
            ctx.exit(error.exit_code)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """The command of that name; a mistyped one gets the nearest as advice."""
        from aecbench.errors import did_you_mean

        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            raise click.UsageError(f"no command {args[0]!r}: {did_you_mean(args[0], self.commands)}", ctx) from None


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="aecbench")
def main() -> None:
    """Simulate, run and compare acoustic echo cancellers.

    \b
    aecbench quickstart                               a corpus and a table in about a minute
    aecbench simulate speech-v1 --speech DIR          a corpus from your own speech
    aecbench eval --model kalman --model nlms         a table of two systems
    aecbench cancel --model kalman --mic mic.wav --far far.wav --out out.wav
    """


@main.command()
@click.argument("recipe", default=QUICKSTART)
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the corpus.  [default: corpora/NAME]")
@click.option("--speech", metavar="SRC", help='"espeak", a pack, a folder of audio, or a CSV with file and speaker.')
@click.option("--noise", metavar="SRC", help="A pack, a folder of recordings, or a CSV manifest.")
@click.option(
    "--rir", metavar="SRC", help="Measured responses instead of simulated rooms: a folder, or a CSV manifest."
)
@click.option("--data", type=click.Path(path_type=Path), envvar="AECBENCH_DATA", help="Folder with files of packs.")
@click.option("--split", metavar="S", help="Simulate this split only: train, val or test.")
@click.option("--scenes", type=click.IntRange(1), help="Scenes of every split that has any.")
@click.option("--seed", type=click.IntRange(0), help="Another seed gives other scenes.")
@click.option("--jobs", type=JOBS, default=-1, show_default=True, help="Processes; -1: one per core.")
@click.option("--scheduler", metavar="tcp://HOST:PORT", help="Run on the workers of a Dask cluster instead.")
@click.option("--set", "assignments", multiple=True, metavar="KEY.PATH=VALUE", help="Change one value of the recipe.")
def simulate(
    recipe: str,
    out: Path | None,
    speech: str | None,
    noise: str | None,
    rir: str | None,
    data: Path | None,
    split: str | None,
    scenes: int | None,
    seed: int | None,
    jobs: int,
    scheduler: str | None,
    assignments: Sequence[str],
) -> None:
    """Simulate the corpus that RECIPE (a shipped name or a TOML file) specifies.

    Simulating the same corpus again keeps what is there and whole; an interrupted run goes on where it stopped.

    \b
    aecbench simulate
    aecbench simulate synthetic-v1 --split test
    aecbench simulate speech-v1 --speech my/manifest.csv --noise my/recordings
    aecbench simulate my.toml --set levels.ser='{uniform=[-20, 0]}' --set room.rt60=0.4 --out corpora/mine
    """
    from aecbench.recipe import read_recipe
    from aecbench.report import corpus_report
    from aecbench.simulate import simulate as run

    options = {"speech.source": speech, "noise.source": noise, "room.source": rir, "seed": seed}
    if data is not None:
        os.environ["AECBENCH_DATA"] = str(data)  # for worker processes too
    spec = read_recipe(recipe, assignments, options, split=split, scenes=scenes)
    corpus = run(spec, out or CORPORA / spec.name, jobs=jobs, scheduler=scheduler)
    _print(corpus_report(corpus))


@main.command("eval")
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
        _known("condition", by, CONDITIONS)
    if not (models or predictions):
        raise UsageError("nothing to evaluate; give --model NAME or --predictions DIR")
    corpus = open_corpus(corpus_path or CORPORA / QUICKSTART)
    table = _evaluate(models, corpus, split, metrics, jobs, scheduler, predictions)
    folder = out or RUNS / str(corpus.info["spec"]["name"])
    table.save(folder)
    if as_json:
        click.echo(json.dumps(result_json(table)))
    else:
        _print(result_table(table, by))
        click.echo(f"{folder}")
    _fail_if_failed(table)


@main.command()
@click.option("--model", required=True, metavar="NAME", help="Baseline, folder with card.toml, or pkg.mod:Class.")
@click.option("--mic", required=True, type=click.Path(path_type=Path), help="Microphone, one channel, any rate.")
@click.option(
    "--far", required=True, type=click.Path(path_type=Path), help="Far-end reference, as long as mic, at its rate."
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Output WAV (float32), as long as mic.")
@click.option("--plot", type=click.Path(path_type=Path), help="Picture of waveforms, spectrograms and attenuation.")
def cancel(model: str, mic: Path, far: Path, out: Path, plot: Path | None) -> None:
    """Take the echo of a far-end recording out of a microphone recording.

    \b
    aecbench cancel --model kalman --mic mic.wav --far far.wav --out out.wav --plot out.png
    """
    from aecbench.cancel import cancel_files
    from aecbench.plots import plot_cancellation
    from aecbench.systems import load_system

    done = cancel_files(load_system(model), mic, far, out)
    if plot is not None:
        plot_cancellation(done.mic, done.far, done.out, done.rate, plot)
    for path in filter(None, (out, plot)):
        click.echo(path)


@main.command()
@click.argument("pack")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Folder that may have the files already: then they are checked there.  [default: $AECBENCH_DATA]",
)
def fetch(pack: str, data: Path | None) -> None:
    """Download the data pack PACK, check all of it, and print where it is.

    Fetching again keeps what is there and whole; an interrupted download goes on where it stopped. To simulate with the
    files of a folder of your own, set AECBENCH_DATA to it.

    \b
    aecbench fetch open-speech-v1
    aecbench fetch open-speech-v1 --data DIR
    """
    from aecbench.packs import fetch as run

    click.echo(run(pack, data).root)


@main.command("import")
@click.argument("layout")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the corpus.")
@click.option(
    "--split",
    type=click.Choice(["train", "val", "test"]),
    default="test",
    show_default=True,
    help="For recordings of which the folder does not say it.",
)
@click.option("--jobs", type=JOBS, default=-1, show_default=True, help="Processes; -1: one per core.")
def import_(layout: str, folder: Path, out: Path, split: str, jobs: int) -> None:
    """Make a corpus of FOLDER, which is in the LAYOUT aec-challenge (synthetic set or real recordings) or wav.

    Files that cannot be used are left out and listed in import-report.csv in the corpus; then the exit code is 3.

    \b
    aecbench import aec-challenge AEC-Challenge/datasets/synthetic --out corpora/synthetic
    aecbench import aec-challenge AEC-Challenge/datasets/real --out corpora/real --split train
    """
    from aecbench.corpus.layouts import LAYOUTS, REPORT, build
    from aecbench.errors import FailedItems
    from aecbench.report import corpus_report

    _known("layout", layout, LAYOUTS)
    corpus, problems = build(LAYOUTS[layout], folder, out, split=split, jobs=jobs)
    _print(corpus_report(corpus))
    if bad := [problem for problem in problems if not problem.kept]:
        first = "; ".join(f"{file}: {problem}" for file, problem, _ in bad[:3])
        raise FailedItems(f"{len(bad)} problems, all of them in {out / REPORT}; scenes were left out: {first}")


@main.command()
@click.argument("corpus", type=click.Path(path_type=Path))
@click.option("--format", "layout", required=True, metavar="LAYOUT", help="wav or aec-challenge.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="New folder.")
@click.option("--split", metavar="S", help="Export this split only.")
def export(corpus: Path, layout: str, out: Path, split: str | None) -> None:
    """Write CORPUS as WAV files with tables and a croissant.json, for other people's code.

    wav keeps everything; aec-challenge keeps the signals, and of the rest what its meta.csv has columns for.

    \b
    aecbench export corpora/speech-v1 --format wav --out speech-v1-wav
    aecbench export corpora/speech-v1 --format aec-challenge --split train --out challenge
    """
    from aecbench.corpus import open_corpus
    from aecbench.corpus.layouts import LAYOUTS
    from aecbench.corpus.layouts import export as run

    _known("layout", layout, LAYOUTS)
    opened = open_corpus(corpus)
    click.echo(run(opened if split is None else opened.split(split), LAYOUTS[layout], out))


@main.command()
@click.argument("corpus", type=click.Path(path_type=Path), default=CORPORA / QUICKSTART)
@click.option(
    "--scene",
    "scenes",
    multiple=True,
    metavar="ID",
    help="split/index of a scene; may be repeated.  [default: the first with double talk]",
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the pictures.  [default: runs/CORPUS/inspect]")
def inspect(corpus: Path, scenes: Sequence[str], out: Path | None) -> None:
    """Draw pictures of a corpus: how everything is distributed, and single scenes with all there is to see.

    \b
    aecbench inspect
    aecbench inspect corpora/speech-v1 --scene test/000012 --out pictures
    """
    from aecbench.corpus import open_corpus
    from aecbench.plots import find_scene, plot_corpus, plot_scene, scene_picture

    opened = open_corpus(corpus)
    places = [find_scene(opened, scene) for scene in scenes or (None,)]
    folder = out or RUNS / str(opened.info["spec"]["name"]) / "inspect"
    plot_corpus(opened, folder / "overview.png")
    click.echo(folder / "overview.png")
    for place in places:
        picture = folder / scene_picture(opened[place].scene)
        plot_scene(opened, place, picture)
        click.echo(picture)


@main.command()
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


@main.command("list")
@click.argument("what", required=False)
def list_(what: str | None) -> None:
    """List what there is: recipes, models, metrics, sources, packs, or all of them.

    \b
    aecbench list
    aecbench list models
    """
    from aecbench.report import LISTINGS, listing

    if what is not None:
        _known("listing", what, LISTINGS)
    _print(listing([what] if what else list(LISTINGS)))


@main.command()
@click.option("--jobs", type=JOBS, default=-1, show_default=True, help="Processes; -1: one per core.")
def quickstart(jobs: int) -> None:
    """Simulate a small corpus, run every shipped baseline on it, print the table. Nothing is downloaded.

    \b
    aecbench quickstart
    """
    from aecbench.assets import names
    from aecbench.plots import plot_results
    from aecbench.recipe import read_recipe
    from aecbench.report import corpus_report, result_table
    from aecbench.simulate import simulate as run

    corpus = run(read_recipe(QUICKSTART), CORPORA / QUICKSTART, jobs=jobs)
    _print(corpus_report(corpus))
    table = _evaluate(names("baselines"), corpus, "test", (), jobs)
    folder = RUNS / QUICKSTART
    table.save(folder)
    plot_results(table, folder / "table.png")
    _print(result_table(table, None))
    click.echo(f"{folder}")
    _fail_if_failed(table)


def _evaluate(
    models: Sequence[str],
    corpus: Any,
    split: str,
    metrics: Sequence[str],
    jobs: int,
    scheduler: str | None = None,
    predictions: Sequence[Path] = (),
) -> Any:
    from aecbench.errors import UsageError
    from aecbench.evaluate import evaluate as run
    from aecbench.metrics import METRICS
    from aecbench.results import ResultTable
    from aecbench.systems import load_predictions, load_system

    for metric in metrics:
        _known("metric", metric, METRICS)
    chosen = {name: METRICS[name] for name in metrics or METRICS}
    systems = [load_system(model) for model in dict.fromkeys(models)]
    systems += [load_predictions(folder) for folder in dict.fromkeys(predictions)]
    called = [system.name for system in systems]
    for name in called:
        if called.count(name) > 1:
            raise UsageError(f"two systems are called {name!r}; rename the folder of one")
    return ResultTable.concat(
        [run(system, corpus, chosen, split=split, jobs=jobs, scheduler=scheduler) for system in systems]
    )


def _known(kind: str, name: str, names: Any) -> None:
    from aecbench.errors import UnknownName

    if name not in names:
        raise UnknownName(kind, name, names)


def _print(*what: Any) -> None:
    from rich.console import Console

    console = Console()
    console.width = max(console.width, WIDTH)
    for item in what:
        console.print(item)


def _fail_if_failed(table: Any) -> None:
    from aecbench.errors import FailedItems

    if not table.failed.empty:
        first = table.failed.iloc[0]
        raise FailedItems(
            f"{len(table.failed)} items failed; the first: {first['metric']} of {first['system']} "
            f"on {first['scene']}: {first['reason']}"
        )
