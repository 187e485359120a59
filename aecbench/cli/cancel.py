"""aecbench cancel."""

from pathlib import Path

import click

from aecbench.cli.common import ALIGN

__all__ = ["cancel"]


@click.command()
@click.option(
    "--model",
    required=True,
    metavar="NAME",
    help="Baseline, folder with card.toml, pkg.mod:Class, or 'command:prog {mic} {far} {out}'.",
)
@click.option("--mic", required=True, type=click.Path(path_type=Path), help="Microphone, one channel, any rate.")
@click.option(
    "--far", required=True, type=click.Path(path_type=Path), help="Far-end reference, as long as mic, at its rate."
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Output WAV (float32), as long as mic.")
@click.option("--align", default="auto", show_default=True, metavar="auto|none|MS", help=ALIGN)
@click.option("--plot", type=click.Path(path_type=Path), help="Picture of waveforms, spectrograms and attenuation.")
def cancel(model: str, mic: Path, far: Path, out: Path, align: str, plot: Path | None) -> None:
    """Take the echo of a far-end recording out of a microphone recording.

    \b
    aecbench cancel --model kalman --mic mic.wav --far far.wav --out out.wav --plot out.png
    """
    from aecbench.cancel import cancel_files
    from aecbench.plots import plot_cancellation
    from aecbench.systems import load_system

    done = cancel_files(load_system(model, align), mic, far, out)
    if plot is not None:
        plot_cancellation(done.mic, done.far, done.out, done.rate, plot)
    for path in filter(None, (out, plot)):
        click.echo(path)
