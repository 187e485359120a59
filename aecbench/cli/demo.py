"""aecbench demo."""

import random
from pathlib import Path

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
@click.option("--ser-db", type=LEVEL, default=-10, show_default=True, help="Set the ratio of near end to echo [dB].")
@click.option("--snr-db", type=LEVEL, default=10, show_default=True, help="Set the ratio of near end to noise [dB].")
@click.option(
    "--speech",
    metavar="SRC",
    default="espeak",
    show_default=True,
    help="Use espeak, a pack, a folder, or a CSV with file and speaker.",
)
@click.option("--seed", type=click.IntRange(0), help="Draw the scene with this seed.  [default: a new one]")
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
    """Simulate one scene, cancel its echo, and write the audio.

    The far end talks all the time, the near end in the second half. The scores before and after are printed.

    \b
    aecbench demo --model kalman --plot
    aecbench demo --model runs/train/deep_adaptive --ser-db -20 --seed 7 --speech my/recordings
    """
    from aecbench.demonstration import demo as run
    from aecbench.demonstration import write_demo
    from aecbench.plots import plot_demo
    from aecbench.report.demo import demo_facts, demo_table
    from aecbench.systems import load_system

    number = random.randrange(SEEDS) if seed is None else seed
    result = run(load_system(model), duration=duration, ser=ser_db, snr=snr_db, seed=number, speech=speech)
    folder = out or RUNS / "demo"
    paths = write_demo(result, folder)
    if plot:
        paths.append(folder / "demo.png")
        plot_demo(result, paths[-1])
    if as_json:
        show_json({**demo_facts(result, number), "files": paths})
        return
    show(demo_table(result, number))
    for path in paths:
        click.echo(path)
