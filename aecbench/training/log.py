"""The log of a training: a file of JSON lines, TensorBoard if it is installed, and a progress bar."""

import json
import math
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from aecbench.errors import OutputError
from aecbench.progress import can_show
from aecbench.results import heading
from aecbench.training.scenes import SCORES

__all__ = ["BOARD", "CURVE", "LOG", "Log", "read_log"]

LOG, BOARD = "log.jsonl", "tensorboard"
EVERY = 60.0  # time between two lines if no progress bar can be shown [s]
CURVE = "curve.png"  # figure of the log, drawn at the end


class Log:
    """Rows of steps and of epochs. Rows beyond the checkpoint are cut off: the resumed run writes them again."""

    def __init__(self, folder: Path, length: int, step: int, steps: int) -> None:
        """Open the log and continue after its first `length` bytes, at `step` of `steps`."""
        try:
            self._file = (folder / LOG).open("ab")
            if self._file.tell() > length:
                self._file.truncate(length)
        except OSError as error:
            raise OutputError(f"{folder / LOG}: cannot be written ({error}); choose another --save-dir") from None
        self._board = _board(folder / BOARD, step)
        console = Console(stderr=True)
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[speed]}"), TimeRemainingColumn())
        self._bar = Progress(TextColumn("{task.description}"), *columns, console=console, disable=not can_show())
        self._task = self._bar.add_task("train", total=steps, completed=step, speed="")
        self._steps, self._first, self._start, self._said = steps, step, time.monotonic(), 0.0

    def __enter__(self) -> "Log":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        self._file.close()
        if self._board is not None:
            self._board.close()

    @property
    def length(self) -> int:
        """Number of bytes written so far, all of them passed to the operating system."""
        self._file.flush()
        return self._file.tell()

    def step(self, row: Mapping[str, Any], examples: int) -> None:
        """Log one training step, on `examples` examples of all processes together."""
        self._write("step", row)
        pace = 1 / max(row["seconds"], 1e-9)
        speed = f"{pace:.2g} steps/s, {examples * pace:.0f} examples/s"
        description = f"epoch {row['epoch']}  loss {row['loss']:.4g}"
        self._bar.update(self._task, completed=row["step"], description=description, speed=speed)
        now = time.monotonic()
        if self._bar.disable and now - max(self._said, self._start) >= EVERY:
            self._said = now
            self.tell(f"step {row['step']} of {self._steps}  {description}  {speed}, {self._left(row['step'])}")

    def _left(self, step: int) -> str:
        """Return the remaining time at the mean speed since the start, including validation."""
        seconds = (time.monotonic() - self._start) / max(1, step - self._first) * (self._steps - step)
        return f"{duration(seconds)} left"

    def epoch(self, row: Mapping[str, Any], *, best: bool) -> None:
        """Log the means of an epoch, including validation, and print them."""
        self._write("epoch", row)
        scores = "".join(
            f"  {heading(name)} {row[name]:.3g}" for name in row if name in SCORES and row[name] is not None
        )
        self._bar.console.print(
            f"epoch {row['epoch']}  loss {row['loss']:.4g}  val {_text(row['val_loss'])}{scores}  lr {row['lr']:.2g}  "
            f"{row['examples_per_second']:.0f} examples/s, {100 * row['waiting']:.0f} % waiting for data, "
            f"{self._left(int(row['step']))}"
            f"{'  best so far' if best else ''}",
            highlight=False,
            soft_wrap=True,
        )

    def tell(self, text: str) -> None:
        """Print a line."""
        self._bar.console.print(text, highlight=False, markup=False, soft_wrap=True)

    def _write(self, kind: str, row: Mapping[str, Any]) -> None:
        finite = {name: value if value is not None and math.isfinite(value) else None for name, value in row.items()}
        try:
            self._file.write(json.dumps({"kind": kind, **finite}).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise OutputError(f"{LOG}: cannot be written ({error}); free space, then continue with --resume") from None
        if self._board is not None:
            for name, value in finite.items():
                if value is not None and name not in ("step", "epoch"):
                    self._board.add_scalar(f"{kind}/{name}", value, row["step"])


def read_log(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of the steps and those of the epochs, in order; values that were not finite are None."""
    with (folder / LOG).open(encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    steps, epochs = ([row for row in rows if row["kind"] == kind] for kind in ("step", "epoch"))
    return steps, epochs


def duration(seconds: float) -> str:
    """Format a time in a suitable unit.

    >>> [duration(s) for s in (42, 600, 7200.0, 400_000)]
    ['42 s', '10 min', '2.0 h', '4.6 days']
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 48 * 3600 else f"{seconds / 86_400:.1f} days"


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def _board(folder: Path, step: int) -> Any:
    """Return TensorBoard's writer; None if it is not installed."""
    if find_spec("tensorboard") is None:
        return None
    with suppress(ImportError):
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(str(folder), purge_step=step + 1)
    return None
