"""Tables for a terminal."""

import io

import pandas as pd
from rich.console import Console

from aecbench.report.grid import grid


def lines(table):
    console = Console(file=io.StringIO(), width=200)
    console.print(table)
    return [line.rstrip() for line in console.file.getvalue().splitlines() if line.strip()]


FRAME = pd.DataFrame(
    {"ser": ["low", "low", "high"], "system": ["a", "[b]", "a"], "ERLE [dB]": ["-1.00", "12.00", "3.00"]}
)


def test_a_condition_is_written_once_with_its_unit_and_groups_are_apart():
    shown = [line.split() for line in lines(grid(FRAME, ["ser"], caption="all of it"))]
    shown = [words for words in shown if not set("".join(words)) <= {"─"}]
    assert shown == [
        ["ERLE"],
        ["ser", "[dB]", "system", "dB"],
        ["low", "a", "-1.00"],
        ["[b]", "12.00"],
        ["high", "a", "3.00"],
        ["all", "of", "it"],
    ]


def test_names_are_on_the_left_and_numbers_on_the_right():
    *_, first, second, third = lines(grid(FRAME[["system", "ERLE [dB]"]]))
    assert (first.lstrip()[0], second.lstrip()[:3]) == ("a", "[b]")
    assert len(first) == len(second) == len(third)


def test_a_table_without_rows_still_has_its_headings():
    assert "system" in lines(grid(FRAME[:0][["system"]]))[0]
