"""A progress bar on standard error; where that is not a terminal, a line once a minute.

rich is imported where it draws: a command without a terminal is smaller by 2 MB.
"""

import functools
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, Task
    from rich.text import Text

__all__ = ["can_show", "progress", "transfer"]

Item = TypeVar("Item")
EVERY = 60.0  # [s] from one line to the next


def progress(items: Iterable[Item], total: int, what: str, unit: str) -> Iterator[Item]:
    """Hand on `items` while a bar shows how many of `total` have come, how fast, and when the last is due.

    The first item waits for processes to start and for code to be compiled, so the lines leave it out of the speed.
    """
    return (_drawn if can_show() else _told)(items, total, what, unit)


@contextmanager
def transfer(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar over `total` bytes. Gives the function to call, from any thread, with how many more have come."""
    from rich.progress import DownloadColumn, TransferSpeedColumn

    with _bar(DownloadColumn(), TransferSpeedColumn()) as bar:
        yield functools.partial(bar.advance, bar.add_task(what, total=total))


def can_show() -> bool:
    """Whether a bar can be drawn: standard error is a terminal, and rich takes it for one."""
    if not sys.stderr.isatty():
        return False
    from rich.console import Console

    return Console(stderr=True).is_terminal


def _drawn(items: Iterable[Item], total: int, what: str, unit: str) -> Iterator[Item]:
    from rich.progress import MofNCompleteColumn, TextColumn
    from rich.text import Text

    class Speed(TextColumn):
        """Items per second, as "12.3 scenes/s"."""

        def render(self, task: "Task") -> "Text":
            return Text(f"{task.speed or 0:.1f} {task.fields['unit']}/s")

    with _bar(MofNCompleteColumn(), Speed("")) as bar:
        task = bar.add_task(what, total=total, unit=unit)
        for item in items:
            yield item
            bar.advance(task)


def _told(items: Iterable[Item], total: int, what: str, unit: str) -> Iterator[Item]:
    first = last_report = time.monotonic()
    for done, item in enumerate(items, 1):
        yield item
        now = time.monotonic()
        if done == 1:
            first = now
        elif now - last_report >= EVERY:
            last_report, speed = now, (done - 1) / (now - first)
            left = timedelta(seconds=round((total - done) / speed))
            sys.stderr.write(f"{what}: {done} of {total} {unit}, {speed:.2g} {unit}/s, {left} left\n")
            sys.stderr.flush()


def _bar(*columns: "ProgressColumn") -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    around = (TextColumn("{task.description}"), BarColumn(), *columns, TimeRemainingColumn())
    return Progress(*around, console=Console(stderr=True), disable=not can_show())
