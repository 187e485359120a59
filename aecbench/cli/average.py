"""aecbench average."""

from collections.abc import Sequence
from pathlib import Path

import click

from aecbench.cli import complete
from aecbench.cli.common import JSON, show_json

__all__ = ["average"]

SHARE = click.FloatRange(0, min_open=True)


@click.command()
@click.argument("models", nargs=-1, required=True, shell_complete=complete.models)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Write the folder of the new model here.")
@click.option(
    "--share",
    "shares",
    type=SHARE,
    multiple=True,
    help="Weight the models in this proportion, in order.  [default: equally]",
)
@JSON
def average(models: Sequence[str], out: Path, shares: Sequence[float], as_json: bool) -> None:
    """Average the weights of several trainings of one network.

    MODELS are shipped networks, or folders that aecbench train wrote. The mean of trainings that started from the same
    weights is often better than each of them. The result is a model for --model, and its card lists the models that
    were averaged.

    \b
    aecbench average runs/train/a runs/train/b --out runs/mean
    aecbench average deep_adaptive runs/train/deep_adaptive --share 1 --share 3 --out runs/mean
    """
    from aecbench.training import average as mean

    folder = mean(models, out, shares or None)
    if as_json:
        show_json({"model": folder, "models": list(models)})
        return
    click.echo(folder)
