"""aecbench train."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from aecbench.cli import complete
from aecbench.cli.common import JSON, RUNS, show_json, when_stopped

__all__ = ["train"]

HOURS = click.FloatRange(0, min_open=True)
BASELINE = "baselines/MODEL"  # value of --export without a folder


@click.command()
@click.argument("model", shell_complete=complete.networks)
@click.option(
    "--corpus",
    "corpus_paths",
    type=click.Path(path_type=Path),
    multiple=True,
    required=True,
    help="Train on this corpus, which has a split train; repeatable.",
)
@click.option(
    "--val-corpus",
    "val_paths",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Validate on this corpus, not on --corpus; repeatable.",
)
@click.option(
    "--recipe",
    metavar="NAME|FILE",
    help="Take settings from a shipped training recipe or a TOML file.",
    shell_complete=complete.trainings,
)
@click.option("--epochs", type=click.IntRange(1), help="Train this many epochs.  [default: 50]")
@click.option(
    "--batch-size", type=click.IntRange(1), help="Take this many examples per step and process.  [default: 8]"
)
@click.option("--lr", type=float, help="Set the highest learning rate.  [default: 0.001]")
@click.option("--train-samples", type=click.IntRange(1), help="Train on the first N scenes only.")
@click.option("--val-samples", type=click.IntRange(1), help="Validate on the first N scenes only.")
@click.option("--save-dir", type=click.Path(path_type=Path), help="Write to this folder.  [default: runs/train/MODEL]")
@click.option(
    "--n-fft", type=int, help="Set the frame of the transform [samples].  [default: the network's, mostly 1024]"
)
@click.option(
    "--hop-length", type=int, help="Set the hop between frames [samples].  [default: the network's, mostly 256]"
)
@click.option("--sample-rate", type=int, help="Expect this rate of the corpus [Hz].  [default: 16000]")
@click.option("--duration", type=HOURS, help="Cut examples of this many seconds.  [default: 4]")
@click.option(
    "--mode", type=click.Choice(["joint", "echo_only"]), help="Remove echo and noise, or echo only.  [default: joint]"
)
@click.option("--device", default="auto", show_default=True, help="Train on auto, cpu, cuda or cuda:N.")
@click.option("--amp/--no-amp", default=None, help="Compute in bfloat16 where that is safe.")
@click.option(
    "--workers",
    type=click.IntRange(0),
    help="Read examples with this many processes.  [default: one per core, at most 4]",
)
@click.option("--resume", is_flag=True, help="Continue the training in --save-dir, if there is one.")
@click.option(
    "--init",
    metavar="MODEL",
    help="Start from the weights of this shipped network, or folder with one.",
    shell_complete=complete.models,
)
@click.option("--seed", type=click.IntRange(0), help="Draw weights and examples with this seed.  [default: 0]")
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a setting, such as clip=1, data.ser=0, network.taps=4.",
)
@click.option("--hours", type=HOURS, help="Stop after this many hours; --resume continues.")
@click.option(
    "--checkpoint-minutes",
    type=HOURS,
    default=10,
    show_default=True,
    help="Write a checkpoint after this many minutes.",
)
@click.option("--checkpoint-steps", type=click.IntRange(1), help="Also write a checkpoint every N steps.")
@click.option(
    "--export",
    "export_to",
    is_flag=False,
    flag_value=BASELINE,
    type=click.Path(path_type=Path),
    help="Write card, weights and model card to this folder at the end.  [without a folder: baselines/MODEL]",
)
@click.option("--licence", help="State this licence of the weights on the model card.")
@JSON
def train(
    model: str,
    corpus_paths: Sequence[Path],
    val_paths: Sequence[Path],
    recipe: str | None,
    save_dir: Path | None,
    device: str,
    workers: int | None,
    resume: bool,
    init: str | None,
    assignments: Sequence[str],
    hours: float | None,
    checkpoint_minutes: float,
    checkpoint_steps: int | None,
    export_to: Path | None,
    licence: str | None,
    as_json: bool,
    **settings: Any,
) -> None:
    """Train a network on one corpus or on several together.

    It learns from the split train and is validated on the split val. Two folders are models for --model: SAVE_DIR/best,
    the best network after an epoch, and SAVE_DIR/last, the network of the last checkpoint. SAVE_DIR/curve.png shows the
    losses. Ctrl-C stops after the current step, and the same command with --resume continues with identical results.
    For several processes, use torchrun --no-python aecbench train.

    \b
    aecbench train deep_adaptive --corpus corpora/train --val-corpus corpora/val --set data.ser='{uniform=[-15, 10]}'
    aecbench train mypackage.net:MyNetwork --corpus corpora/synthetic-v2 --export baselines/my_network
    """
    from aecbench.cards import LATEST
    from aecbench.corpus import open_corpus
    from aecbench.errors import AecbenchError
    from aecbench.plots import plot_cancellation, plot_training
    from aecbench.training import Limits, export, read_settings, stored_settings
    from aecbench.training import train as run
    from aecbench.training.log import CURVE, read_log

    name = model.replace(":", ".")  # with a colon, --model would take it for a class, not a folder
    folder = save_dir or RUNS / "train" / name
    corpora = [open_corpus(path) for path in corpus_paths]
    val = [open_corpus(path) for path in val_paths]
    network = {f"network.{key}": settings.pop(key) for key in ("n_fft", "hop_length", "sample_rate", "mode")}
    base = stored_settings(folder) if resume else None
    limits = Limits(hours or float("inf"), checkpoint_minutes, checkpoint_steps)
    when_stopped("the same command with --resume continues from the last checkpoint, if there is one")
    trained = run(
        model,
        corpora,
        read_settings(recipe, assignments, settings | network, base),
        out=folder,
        val_corpora=val,
        device=device,
        workers=workers,
        resume=resume,
        init=init,
        limits=limits,
        picture=plot_cancellation,
    )
    if not trained.leads:
        return
    steps, epochs = read_log(folder)
    if epochs:
        plot_training(steps, epochs, folder / CURVE)
    exported = None
    if export_to is not None:
        baseline = Path("baselines") / name if str(export_to) == BASELINE else export_to
        exported = export(folder, baseline, [*corpora, *val], licence)
    if not trained.finished:
        text = (
            f"stopped in epoch {trained.epoch + 1}; {folder / LATEST} is the network so far; the same command with "
            "--resume continues from there"
        )
        if hours is None:
            raise AecbenchError(text)
        click.echo(text, err=True)
        return
    if as_json:
        show_json({"model": trained.model, "epochs": trained.epoch, "best": trained.best_epoch, "exported": exported})
        return
    for path in filter(None, (trained.model, exported)):
        click.echo(path)
