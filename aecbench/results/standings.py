"""Who is first: the places of the systems of a table."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from aecbench.results.lost import CEILING
from aecbench.results.table import ResultTable

__all__ = ["Standing", "standings"]


class Standing(NamedTuple):
    """The place of a system in a table."""

    place: int | None  # shared by systems of the same mean rank; None of the oracle, which is told the echo
    name: str
    mean_rank: float  # over those of `ranked_by` that tell systems apart; infinite where it lacks one of them


def standings(table: ResultTable, ranked_by: Sequence[str]) -> list[Standing]:
    """Return the systems, the best first: by the mean of their ranks in `ranked_by`, then by name.

    Those that take the near end away too often stand behind all others, whatever their ranks; the oracle is last.
    """
    ranks = {system: cells for (_, system), cells in table.ranks().items()}
    others = {system: cells for system, cells in ranks.items() if system != CEILING}
    decisive = [metric for metric in ranked_by if any(cells.get(metric) for cells in others.values())]
    keys = {}
    for system, cells in others.items():
        own = [cells[metric] or np.inf for metric in decisive]
        keys[system] = (system in table.destroyed, float(np.mean(own)) if own else 1.0)
    places = sorted(keys.values())
    ordered = sorted(keys.items(), key=lambda item: (item[1], item[0]))
    last = [Standing(None, name, np.inf) for name in ranks if name == CEILING]
    return [*(Standing(1 + places.index(key), name, key[1]) for name, key in ordered), *last]
