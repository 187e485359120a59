"""Standings: the places of the systems of a table."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from aecbench.results.columns import lower_is_better
from aecbench.results.lost import CEILING
from aecbench.results.table import ResultTable

__all__ = ["Standing", "standings"]


class Standing(NamedTuple):
    """The place of a system in a table."""

    place: int | None  # shared by systems with the same mean rank; None for the oracle, and if nothing is ranked
    name: str


def standings(table: ResultTable, ranked_by: Sequence[str]) -> list[Standing]:
    """Return the standings of the systems, the best first, by the mean of their ranks in the metrics `ranked_by`.

    Systems with the same mean rank share a place; they are sorted by their positions in these metrics, then by name. If
    none of the metrics has ranks, because there are too few scenes, talkers or devices, no system has a place, and the
    positions alone determine the order. Systems that remove the near end too often follow all others, whatever their
    ranks; the oracle is last.
    """
    ranks = {system: cells for (_, system), cells in table.ranks().items()}
    others = {system: cells for system, cells in ranks.items() if system != CEILING}
    decisive = [metric for metric in ranked_by if any(cells.get(metric) for cells in others.values())]
    last = [Standing(None, name) for name in ranks if name == CEILING]
    position = _positions(table, list(others), ranked_by)
    if not decisive:
        listed = sorted(others, key=lambda system: (system in table.destroyed, position[system], system))
        return [*(Standing(None, name) for name in listed), *last]
    keys = {}
    for system, cells in others.items():
        own = [cells[metric] or np.inf for metric in decisive]
        keys[system] = (system in table.destroyed, float(np.mean(own)))
    places = sorted(keys.values())
    ordered = sorted(keys.items(), key=lambda item: (item[1], position[item[0]], item[0]))
    return [*(Standing(1 + places.index(key), name) for name, key in ordered), *last]


def _positions(table: ResultTable, systems: Sequence[str], metrics: Sequence[str]) -> dict[str, float]:
    """Return the mean position of each system by the means or medians of the metrics; without a value, it is last."""
    scored = [metric for metric in metrics if metric in table.metrics]
    summary = table.summary(metrics=scored)
    total = np.zeros(len(systems))
    for metric in scored:
        sign = 1 if lower_is_better(metric, table.provenance) else -1
        values = np.array([sign * summary["", system][metric].value for system in systems])
        total += np.nan_to_num(pd.Series(values).rank(), nan=len(systems))
    return dict(zip(systems, total / max(1, len(scored)), strict=True))
