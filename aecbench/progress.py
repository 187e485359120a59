"""A progress bar on standard error or, if that is not a terminal, one line per minute.

rich is imported only where a bar is drawn, which saves the other commands 2 MB of memory.
"""

import functools
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn, Task
    from rich.text import Text

__all__ = ["can_show", "hide_progress", "progress", "transfer"]

Item = TypeVar("Item")
EVERY = 60.0  # time between lines [s]
_hidden = False


def progress(items: Iterable[Item], total: int, what: str, unit: str) -> Iterator[Item]:
    """Yield `items` while a bar shows how many of `total` are done, the speed, and the remaining time.

    The first item waits for processes to start and for code to be compiled, so the lines leave it out of the speed.
    Shows nothing after `hide_progress`.
    """
    if _hidden:
        return iter(items)
    return (_drawn if can_show() else _told)(items, total, what, unit)


def hide_progress() -> None:
    """Show no bars in this process from now on, because the process that started it shows one."""
    global _hidden
    _hidden = True


@contextmanager
def transfer(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar for `total` bytes; yield a function, callable from any thread, that adds to the bytes received."""
    from rich.progress import DownloadColumn, TransferSpeedColumn

    with _bar(DownloadColumn(), TransferSpeedColumn()) as bar:
        yield functools.partial(bar.advance, bar.add_task(what, total=total))


def can_show() -> bool:
    """Return whether a bar can be shown: on a terminal, or in a notebook with ipywidgets."""
    if not (sys.stderr.isatty() or "ipykernel" in sys.modules):
        return False
    from rich.console import Console

    console = Console(stderr=True)
    return console.is_terminal and (not console.is_jupyter or find_spec("ipywidgets") is not None)


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
