"""The loop over epochs: train, validate, save the best network, log, and stop on request."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aecbench.cancellers.deep.base import Batch
from aecbench.cards import BEST, LATEST
from aecbench.corpus import Corpus
from aecbench.errors import AecbenchError
from aecbench.training.checkpoint import LAST, write_checkpoint, write_model
from aecbench.training.log import Log
from aecbench.training.run import Training
from aecbench.training.scenes import SCORES, Picture, cancel_scenes

__all__ = ["Limits", "Writer", "loop"]

SAMPLES = "samples"
FIRST = 1.0  # longest time to the first checkpoint [min]


@dataclass(frozen=True)
class Limits:
    """When to stop, and how often to write checkpoints. The final result does not depend on it."""

    hours: float = math.inf  # time from now until training stops [h]
    minutes: float = 10.0  # time between checkpoints [min]; there is also one at the end of every epoch
    steps: int | None = None  # additional checkpoints every so many steps


@dataclass(frozen=True)
class Writer:
    """The files that the first process writes; other processes do not have a writer."""

    folder: Path
    log: Log
    scenes: Sequence[Corpus]  # scenes to cancel and score after every epoch
    picture: Picture | None
    facts: Mapping[str, Any]  # facts to be stored in checkpoints
    card: Mapping[str, Any]  # card of the network, without weights and parameters

    @property
    def kept(self) -> bool:
        """Whether a checkpoint has been written."""
        return (self.folder / LAST).exists()

    def checkpoint(self, run: Training) -> None:
        """Write everything that is needed to continue, and the current network as a model to load."""
        reached = {"epoch": run.progress.epoch, "step": run.progress.step}
        write_model(self.folder / LATEST, run.best, self._card(reached))
        run.progress.log = self.log.length
        groups, rest = run.state()
        write_checkpoint(self.folder / LAST, groups, run.progress, {**self.facts, "run": rest})

    def _card(self, reached: Mapping[str, float]) -> dict[str, Any]:
        """Return the card of a network with the progress that it has `reached`."""
        return {**self.card, "origin": {**self.card["origin"], "reached": dict(reached)}}

    def epoch(self, run: Training, row: Mapping[str, float], *, best: bool) -> None:
        """Log the row of an epoch, write a checkpoint and, if it is the best, the network."""
        position = {"step": run.progress.step, "epoch": run.progress.epoch}
        if any(self.scenes):
            name = f"epoch-{run.progress.epoch:03d}"
            where = self.folder / SAMPLES
            row = {**row, **cancel_scenes(run.best.canceller(), self.scenes, where, name, self.picture)}
        self.log.epoch({**position, **row, "skipped": run.progress.skipped}, best=best)
        if best:
            reached = {"epoch": run.progress.epoch, "step": run.progress.step}
            scores = {name: value for name, value in row.items() if name.startswith("val_") or name in SCORES}
            finite = {name: value for name, value in scores.items() if math.isfinite(value)}
            write_model(self.folder / BEST, run.best, self._card(reached | finite))
        self.checkpoint(run)


def loop(run: Training, writer: Writer | None, limits: Limits) -> bool:
    """Train to the end (returns True), or until the time is up or a signal arrives (returns False).

    Raises AecbenchError if too many consecutive steps are not finite.
    """
    start = time.monotonic()
    while not run.finished:
        speed = _Speed()
        if not _epoch(run, writer, limits, start, speed):
            return False
        rate = run.rate
        run.processes.work = f"the validation of epoch {run.progress.epoch + 1}"
        row, best = run.end_epoch()
        if writer is not None:
            writer.epoch(run, {**row, "lr": rate, **speed.row}, best=best)
        if not run.finished and run.processes.any(run.processes.stopped):
            return False
    return True


class _Speed:
    """Examples per second, and the share of the time spent waiting for them."""

    def __init__(self) -> None:
        self.examples, self.seconds, self.waited = 0, 0.0, 0.0

    @property
    def row(self) -> dict[str, float]:
        seconds = self.seconds or math.nan
        return {"examples_per_second": self.examples / seconds, "waiting": self.waited / seconds}


def _epoch(run: Training, writer: Writer | None, limits: Limits, start: float, speed: _Speed) -> bool:
    """Train to the end of the epoch; return False if it was stopped before."""
    settings, kept = run.settings, time.monotonic()
    for batch, wait in _timed(run.batches()):
        begun, rate = time.perf_counter(), run.rate
        row = run.step(batch)
        seconds = time.perf_counter() - begun + wait
        examples = batch.mic.shape[0] * run.processes.world
        speed.examples, speed.seconds, speed.waited = (
            speed.examples + examples,
            speed.seconds + seconds,
            speed.waited + wait,
        )
        run.progress.seconds += seconds
        run.processes.work = f"this step (about {max(1, round(seconds))} s)"
        if writer is not None:
            position = {"step": run.progress.step, "epoch": run.progress.epoch + 1}
            writer.log.step({**position, **row, "lr": rate, "seconds": seconds, "wait": wait}, examples)
        if run.progress.bad >= settings.bad_steps:
            raise AecbenchError(
                f"{run.progress.bad} steps in a row were not finite (the last: loss {row['loss']:g}, gradient "
                f"{row['norm']:g}); start again with a smaller --lr, or see what the network does with such examples"
            )
        now = time.monotonic()
        stop = run.processes.any(run.processes.stopped or now - start >= 3600 * limits.hours)
        interval = limits.minutes if writer is None or writer.kept else min(limits.minutes, FIRST)
        due = now - kept >= 60 * interval or bool(limits.steps and run.progress.step % limits.steps == 0)
        if writer is not None and (stop or due):
            writer.checkpoint(run)
            kept = time.monotonic()
        if stop:
            return False
    return True


def _timed(batches: Iterator[Batch]) -> Iterator[tuple[Batch, float]]:
    """Yield batches, and the time that was spent waiting for each [s]."""
    while True:
        start = time.perf_counter()
        batch = next(batches, None)
        if batch is None:
            return
        yield batch, time.perf_counter() - start
