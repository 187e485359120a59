"""aecbench echoes."""

from collections.abc import Sequence
from pathlib import Path

import click

from aecbench.cli.common import JOBS, JSON, show_json, when_stopped

__all__ = ["echoes"]


@click.command()
@click.argument("folders", metavar="FOLDER...", nargs=-1, required=True)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Write this CSV file.")
@click.option("--jobs", type=JOBS, default=-1, show_default=True, help="Use this many processes; -1: one per core.")
@JSON
def echoes(folders: Sequence[str], out: Path, jobs: int, as_json: bool) -> None:
    """List recordings of far-end single talk for simulate --echo.

    A recording is a pair NAME_farend_singletalk_mic.wav and NAME_farend_singletalk_lpb.wav. For each one, the list has
    its device, its split if it is from a set of the AEC Challenge, and two ratios in dB that show what the microphone
    contains besides the echo. Instead of folders, sets that aecbench fetch downloaded can be named.

    \b
    aecbench echoes recordings --out echoes.csv
    aecbench simulate real-echo-v1 --echo echoes.csv
    """
    from aecbench.assets import names
    from aecbench.echoes import list_echoes
    from aecbench.errors import FailedItems, UsageError
    from aecbench.packs import recordings

    when_stopped("nothing was written")
    sets = set(folders) & set(names("packs"))
    if sets and sets != set(folders):
        raise UsageError(f"{' '.join(folders)}: expected folders, or the names of sets that were fetched, not both")
    places, files = [Path(folder) for folder in folders], None
    if sets:
        root, files = recordings(folders)
        places = [root]
    rows, problems = list_echoes(places, out, files=files, jobs=jobs)
    if as_json:
        document = [row.model_dump() for row in rows]
        show_json({"file": out, "recordings": document, "problems": [problem._asdict() for problem in problems]})
    else:
        for row in rows:
            split, ratio = row.split or "-", f"{row.echo_to_noise:5.1f} dB"
            click.echo(
                f"{split:5} {row.seconds:6.1f} s  echo to noise {ratio}  linear {row.linear:5.1f} dB  {row.name}"
            )
        click.echo(out)
    if problems:
        first = "; ".join(f"{problem.file}: {problem.problem}" for problem in problems[:3])
        count = "1 recording was" if len(problems) == 1 else f"{len(problems)} recordings were"
        raise FailedItems(f"{count} left out: {first}")
