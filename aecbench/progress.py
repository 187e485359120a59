"""A progress bar on standard error or, if that is not a terminal, one line per minute."""

import functools
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib.util import find_spec
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

__all__ = ["can_show", "progress", "transfer"]

Item = TypeVar("Item")
EVERY = 60.0  # time between lines [s]


class Speed(TextColumn):
    """Items per second."""

    def render(self, task: Task) -> Text:
        """Return the speed, as in "12.3 scenes/s"."""
        return Text(f"{task.speed or 0:.1f} {task.fields['unit']}/s")


def progress(items: Iterable[Item], total: int, what: str, unit: str) -> Iterator[Item]:
    """Yield `items` while a bar shows how many of `total` are done, the speed, and the remaining time.

    The first item waits for processes to start and for code to be compiled, so the lines leave it out of the speed.
    """
    first = last_report = time.monotonic()
    with _bar(MofNCompleteColumn(), Speed("")) as bar:
        task = bar.add_task(what, total=total, unit=unit)
        for done, item in enumerate(items, 1):
            yield item
            bar.advance(task)
            now = time.monotonic()
            if done == 1:
                first = now
            elif bar.disable and now - last_report >= EVERY:
                last_report, speed = now, (done - 1) / (now - first)
                left = timedelta(seconds=round((total - done) / speed))
                line = f"{what}: {done} of {total} {unit}, {speed:.2g} {unit}/s, {left} left"
                bar.console.print(line, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def transfer(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar for `total` bytes; yield a function, callable from any thread, that adds to the bytes received."""
    with _bar(DownloadColumn(), TransferSpeedColumn()) as bar:
        yield functools.partial(bar.advance, bar.add_task(what, total=total))


def _bar(*columns: ProgressColumn) -> Progress:
    console = Console(stderr=True)
    around = (TextColumn("{task.description}"), BarColumn(), *columns, TimeRemainingColumn())
    return Progress(*around, console=console, disable=not can_show(console))


def can_show(console: Console) -> bool:
    """Return whether a bar can be shown: on a terminal, or in a notebook with ipywidgets."""
    return console.is_terminal and (not console.is_jupyter or find_spec("ipywidgets") is not None)
