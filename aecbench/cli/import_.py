"""aecbench import."""

from collections.abc import Sequence
from pathlib import Path

import click

from aecbench.cli import complete
from aecbench.cli.common import JOBS, JSON, known, show, show_json, when_stopped

__all__ = ["import_"]


@click.command("import")
@click.argument("layout", shell_complete=complete.layouts)
@click.argument("folders", metavar="FOLDER...", nargs=-1, required=True)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Write the corpus to this folder.")
@click.option(
    "--split",
    type=click.Choice(["train", "val", "test"]),
    default="test",
    show_default=True,
    help="Put recordings without a stated split into this one.",
)
@click.option(
    "--rate",
    type=click.Choice(["16000", "48000"]),
    default="16000",
    show_default=True,
    help="Resample real recordings to this rate [Hz].",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Find the files of sets in this folder.  [default: $AECBENCH_DATA]",
)
@click.option("--jobs", type=JOBS, default=-1, show_default=True, help="Use this many processes; -1: one per core.")
@JSON
def import_(
    layout: str, folders: Sequence[str], out: Path, split: str, rate: str, data: Path | None, jobs: int, as_json: bool
) -> None:
    """Make a corpus from recordings, or from an export.

    LAYOUT is aec-challenge (its synthetic set, or real recordings) or wav (from aecbench export). FOLDER is a folder,
    or the names of sets that aecbench fetch downloaded in full or in part. Real recordings at 48 kHz are resampled to
    16 kHz, the rate of the systems, unless --rate 48000 keeps them. Files that cannot be used are left out and listed
    in import-report.csv in the corpus, and the exit code is then 3.

    \b
    aecbench import aec-challenge AEC-Challenge/datasets/synthetic --out corpora/synthetic
    aecbench import aec-challenge aec-challenge/blind_test_set_icassp2022 --out corpora/blind-2022
    aecbench import aec-challenge AEC-Challenge/datasets/real --out corpora/real --split train
    """
    from aecbench.assets import names
    from aecbench.corpus.layouts import LAYOUTS, REPORT, build
    from aecbench.errors import FailedItems, UsageError
    from aecbench.packs import recordings
    from aecbench.report.corpus import corpus_facts, corpus_report

    known("layout", layout, LAYOUTS)
    when_stopped(f"{out} is not finished: remove it, and import again")
    files = None
    if set(folders) <= set(names("packs")):
        folder, files = recordings(folders, data)
    elif len(folders) == 1:
        folder = Path(folders[0])
    else:
        raise UsageError(f"{' '.join(folders)}: expected one folder, or the names of sets that were fetched")
    corpus, problems = build(LAYOUTS[layout], folder, out, split=split, rate=int(rate), files=files, jobs=jobs)
    if as_json:
        show_json({"corpus": corpus_facts(corpus), "problems": [problem._asdict() for problem in problems]})
    else:
        show(corpus_report(corpus))
    if bad := [problem for problem in problems if not problem.kept]:
        first = "; ".join(f"{file}: {problem}" for file, problem, _ in bad[:3])
        count = "1 problem" if len(bad) == 1 else f"{len(bad)} problems, all of them"
        raise FailedItems(f"{count} in {out / REPORT}; scenes were left out: {first}")
