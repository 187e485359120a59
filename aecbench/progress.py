"""A progress bar on the terminal's standard error; silent where there is no terminal."""

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

__all__ = ["progress"]

Item = TypeVar("Item")


class Speed(TextColumn):
    """Items per second."""

    def render(self, task: Task) -> Text:
        """As "12.3 scenes/s"."""
        return Text(f"{task.speed or 0:.1f} {task.fields['unit']}/s")


def progress(items: Iterable[Item], total: int, what: str, unit: str) -> Iterator[Item]:
    """Hand on `items` while a bar shows how many of `total` have come, how fast, and when the last is due."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Speed(""), TimeRemainingColumn())
    with Progress(*columns, console=(console := Console(stderr=True)), disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=total, unit=unit)
        for item in items:
            yield item
            bar.advance(task)
