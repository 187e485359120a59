"""aecbench demo."""

import secrets
from pathlib import Path
from typing import Any

import click

from aecbench.cli import complete
from aecbench.cli.common import JSON, MODEL, RUNS, show, show_json

__all__ = ["demo"]

LEVEL = click.FloatRange(-60, 60)
SEEDS = 1_000_000


@click.command()
@click.option(
    "--model",
    required=True,
    metavar="[NAME=]MODEL",
    help=MODEL,
    shell_complete=complete.models,
)
@click.option(
    "--duration",
    type=click.FloatRange(1, 600),
    default=5,
    show_default=True,
    help="Simulate a scene of this many seconds.",
)
@click.option(
    "--ser-db", type=LEVEL, default=-10, show_default=True, help="Set the level of the near end against the echo [dB]."
)
@click.option(
    "--snr-db", type=LEVEL, default=10, show_default=True, help="Set the level of the near end against the noise [dB]."
)
@click.option(
    "--speech",
    metavar="SRC",
    default="espeak",
    show_default=True,
    help="Use espeak, a pack, a folder, or a CSV with file and speaker.",
)
@click.option("--seed", type=click.IntRange(0), help="Draw the scene with this number.  [default: a new one]")
@click.option("--out", type=click.Path(path_type=Path), help="Write the audio to this folder.  [default: runs/demo]")
@click.option("--plot", is_flag=True, help="Draw the signals, and the decisions of models that show them.")
@JSON
def demo(
    model: str,
    duration: float,
    ser_db: float,
    snr_db: float,
    speech: str,
    seed: int | None,
    out: Path | None,
    plot: bool,
    as_json: bool,
) -> None:
    """Cancel the echo of one fresh scene: audio to listen to, scores before and after, a picture.

    The far end talks all the time, the near end in the second half.

    \b
    aecbench demo --model kalman --plot
    aecbench demo --model runs/train/deep_adaptive --ser-db -20 --seed 7 --speech my/recordings
    """
    from aecbench.demo import demo as run
    from aecbench.demo import write_demo
    from aecbench.plots import plot_demo
    from aecbench.systems import load_system

    number = secrets.randbelow(SEEDS) if seed is None else seed
    found = run(load_system(model), duration=duration, ser=ser_db, snr=snr_db, seed=number, speech=speech)
    folder = out or RUNS / "demo"
    paths = write_demo(found, folder)
    if plot:
        paths.append(folder / "demo.png")
        plot_demo(found, paths[-1])
    if as_json:
        scores = {
            name: {"microphone": found.before[name]._asdict(), "output": found.after[name]._asdict()}
            for name in found.after
        }
        show_json({"system": found.system, "seed": number, "scores": scores, "files": paths})
        return
    show(_table(found, number))
    for path in paths:
        click.echo(path)


def _table(found: Any, seed: int) -> Any:
    """A row per metric: its value for the microphone and for the output, or why it has none."""
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    from aecbench.results import heading

    table = Table("", box=SIMPLE_HEAD, title=f"{found.system}, scene of --seed {seed}", title_justify="left")
    for side in ("microphone", "output"):
        table.add_column(side, justify="right")
    for metric in found.after:
        scores = found.before[metric], found.after[metric]
        table.add_row(escape(heading(metric)), *(escape(one.reason) or f"{one.value:.2f}" for one in scores))
    return table
