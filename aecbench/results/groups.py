"""Groups of scenes by a variable of the scenes; numbers are binned."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pandas as pd

from aecbench.errors import AecbenchError, UnknownName, UsageError

__all__ = ["ROW_COLUMNS", "check", "groups", "variable"]

BINS = 4  # numeric variables with more distinct values than this are binned
ROW_COLUMNS = ("scene", "system", "metric", "value", "reason", "failed", "near_loss", "echo")  # that are no variables


def variable(by: str) -> str:
    """Return the name of the variable in "NAME" or "NAME=EDGE,EDGE,..."."""
    return by.partition("=")[0]


def groups(rows: pd.DataFrame, by: Sequence[str]) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
    """Yield the labels of each group, one for each of `by`, and its rows; in order, without empty groups.

    Each of `by` is a column, such as "ser". Numbers are binned; "ser=0,10" sets the edges. Scenes without a value are
    in none of the groups. Raises UnknownName for an unknown column, UsageError for invalid edges, AecbenchError if no
    scene has a value.
    """
    if not by:
        yield (), rows
        return
    labels = pd.DataFrame({condition: _labels(rows, condition) for condition in by})
    for key in sorted(labels.dropna().drop_duplicates().itertuples(index=False, name=None), key=_natural):
        yield tuple(map(str, key)), rows[(labels == list(key)).all(axis=1)]


def check(scenes: pd.DataFrame, by: Sequence[str]) -> None:
    """Raise the errors that `groups` would raise, given a table with a row per scene."""
    for _ in groups(scenes, by):
        break


def _labels(rows: pd.DataFrame, by: str) -> "pd.Series[Any]":
    name, _, edges = by.partition("=")
    names = [str(column) for column in rows if column not in ROW_COLUMNS]
    if name not in names:
        raise UnknownName("condition", name, names)
    values = rows[name]
    if values.dropna().empty:
        raise AecbenchError(f"no scene of this corpus has a {name}; choose another --by")
    number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if edges:
        if not number:
            raise UsageError(f"--by {by!r}: {name} is not a number, so it does not have edges; expected --by {name}")
        return _binned(values, [-math.inf, *_numbers(by, edges), math.inf])
    if number and values.nunique() > BINS:
        return _binned(values, _round_edges(float(values.min()), float(values.max())))
    text = values.map(lambda value: f"{value:g}" if number else str(value))
    return text.astype(object).where(values.notna(), None)


def _numbers(by: str, edges: str) -> list[float]:
    try:
        numbers = [float(edge) for edge in edges.split(",")]
    except ValueError:
        numbers = []
    if not numbers or any(not low < high for low, high in pairwise(numbers)):
        raise UsageError(f"--by {by!r}: expected ascending numbers, e.g. --by ser=-10,0,10")
    return numbers


def _binned(values: "pd.Series[Any]", edges: Sequence[float]) -> "pd.Series[Any]":
    return pd.cut(values, edges, labels=list(map(_bin, edges, edges[1:])), include_lowest=True).astype(object)


def _bin(low: float, high: float) -> str:
    if math.isinf(low):
        return f"≤ {high:g}"
    return f"> {low:g}" if math.isinf(high) else f"{low:g} … {high:g}"


def _round_edges(low: float, high: float) -> list[float]:
    """Return about BINS + 1 round numbers, from at most `low` to at least `high`."""
    from matplotlib.ticker import MaxNLocator

    return [float(f"{edge:.6g}") for edge in MaxNLocator(BINS).tick_values(low, high)]


def _natural(key: tuple[Any, ...]) -> list[tuple[float, str]]:
    """Return a sort key that orders numbers by size, before words."""
    return [_place(str(label)) for label in key]


def _place(label: str) -> tuple[float, str]:
    first, *rest = label.split(" ")
    try:
        return (-math.inf, "") if first == "≤" else (float(rest[0] if first == ">" else first), label)
    except ValueError:
        return math.inf, label
