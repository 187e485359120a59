"""Choosing scenes by what was drawn for them."""

from collections.abc import Collection, Mapping
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
import pandas as pd

from aecbench.errors import UnknownName, UsageError
from aecbench.scenes.conditions import CONDITIONS

__all__ = ["matches", "with_conditions"]

NONLINEAR = {"loudspeaker.compressor.name", "loudspeaker.rattle.name"}  # stages that are, beside the model


def with_conditions(scenes: pd.DataFrame) -> pd.DataFrame:
    """A copy of a table of scenes with a column for every row of CONDITIONS; NaN where nothing of the kind was drawn.

    And with "nonlinear", which says whether anything of the loudspeaker is: "linear" or "nonlinear".

    >>> with_conditions(pd.DataFrame({"room.rt60": [0.3]}))[["rt60", "ser"]].values.tolist()
    [[0.3, nan]]
    >>> with_conditions(pd.DataFrame({"loudspeaker.model": ["linear", "soft_clip", None]}))["nonlinear"].tolist()
    ['linear', 'nonlinear', nan]
    """
    table = scenes.assign(**{name: scenes.get(column, np.nan) for name, column in CONDITIONS.items()})
    kinds = table["loudspeaker"].eq("linear").map({True: "linear", False: "nonlinear"})
    for stage in NONLINEAR & set(scenes):
        kinds = kinds.where(scenes[stage].isna(), "nonlinear")
    return table.assign(nonlinear=kinds.astype(object).where(table["loudspeaker"].notna(), np.nan))


def matches(scenes: pd.DataFrame, conditions: Mapping[str, Any]) -> "pd.Series[bool]":
    """The scenes that meet all conditions.

    A name is one of CONDITIONS or a column. A tuple (low, high) stands for the closed interval, another collection for
    one of its members, None for scenes without the thing, any other value for itself. Raises UnknownName, and
    UsageError for an interval that no value can be compared with.

    >>> table = pd.DataFrame({"ser": [-5.0, 0.0, 5.0, None], "noise.kind": ["white", "pink", None, "pink"]})
    >>> [matches(table, {"ser": ser}).tolist() for ser in [(-5, 0), {0, 5}, 5, None]][0]
    [True, True, False, False]
    >>> matches(table, {"ser": None, "noise": "pink"}).tolist()
    [False, False, False, True]
    """
    table = with_conditions(scenes)
    mask = pd.Series(True, table.index)
    for name, condition in conditions.items():
        if name not in table:
            raise UnknownName("condition", name, map(str, table))
        mask &= _matches(name, table[name], condition)
    return mask


def _matches(name: str, values: "pd.Series[Any]", condition: Any) -> "pd.Series[bool]":
    if isinstance(condition, tuple):
        return _within(name, values, condition)
    if isinstance(condition, Collection) and not isinstance(condition, str):
        return reduce(or_, (_equal(values, member) for member in condition), pd.Series(False, values.index))
    return _equal(values, condition)


def _equal(values: "pd.Series[Any]", condition: Any) -> "pd.Series[bool]":
    return values.isna() if condition is None else values == condition


def _within(name: str, values: "pd.Series[Any]", interval: tuple[Any, ...]) -> "pd.Series[bool]":
    if len(interval) != 2:
        raise UsageError(f"{name}={interval}: a tuple is an interval (low, high); for one of several give a list")
    try:
        if interval[0] > interval[1]:
            raise UsageError(f"{name}={interval}: runs backwards; expected (low, high)")
        return values.between(*interval)
    except TypeError:
        raise UsageError(f"{name}={interval}: {name} has no such order; for one of several give a list") from None
