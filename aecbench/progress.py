"""A progress bar on the terminal's standard error; silent where there is no terminal."""

import functools
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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

__all__ = ["progress", "transfer"]

Item = TypeVar("Item")


class Speed(TextColumn):
    """Items per second."""

    def render(self, task: Task) -> Text:
        """As "12.3 scenes/s"."""
        return Text(f"{task.speed or 0:.1f} {task.fields['unit']}/s")


def progress(items: Iterable[Item], total: int, what: str, unit: str) -> Iterator[Item]:
    """Hand on `items` while a bar shows how many of `total` have come, how fast, and when the last is due."""
    with _bar(MofNCompleteColumn(), Speed("")) as bar:
        task = bar.add_task(what, total=total, unit=unit)
        for item in items:
            yield item
            bar.advance(task)


@contextmanager
def transfer(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A bar over `total` bytes. Gives the function to call, from any thread, with how many more have come."""
    with _bar(DownloadColumn(), TransferSpeedColumn()) as bar:
        yield functools.partial(bar.advance, bar.add_task(what, total=total))


def _bar(*columns: ProgressColumn) -> Progress:
    console = Console(stderr=True)
    around = (TextColumn("{task.description}"), BarColumn(), *columns, TimeRemainingColumn())
    return Progress(*around, console=console, disable=not console.is_terminal)
