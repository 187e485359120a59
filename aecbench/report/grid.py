"""Tables for a terminal."""

from collections.abc import Sequence

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import JustifyMethod
from rich.table import Table
from rich.text import Text

from aecbench.scenes.conditions import with_unit

__all__ = ["grid"]


def grid(frame: pd.DataFrame, by: Sequence[str] = (), caption: str = "", title: str = "") -> Table:
    """Return a table of strings: columns of the conditions `by`, a column of names, then right-aligned numbers.

    A condition is written only in the first of its rows. Units, as in "ERLE [dB]", are on a second line of the heading.
    """
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), caption_justify="left", title_justify="left")
    table.caption, table.title = Text(caption) if caption else None, Text(title) if title else None
    for position, (name, cells) in enumerate(zip(map(str, frame), frame.to_numpy(str).T, strict=True)):
        lines = [with_unit(name)] if position < len(by) else name.rstrip("]").split(" [")
        widest = max(map(cell_len, [*lines, *cells]), default=0)
        justify: JustifyMethod = "right" if position > len(by) else "left"
        table.add_column(Text("\n".join(lines)), justify=justify, no_wrap=True, min_width=widest)
    before: list[str] = []
    for row in frame.to_numpy(str).tolist():
        labels = row[: len(by)]
        if before and labels != before:
            table.add_section()
        changes = ["" if labels == before else label for label in labels]
        table.add_row(*map(Text, [*changes, *row[len(by) :]]))
        before = labels
    return table
