"""How well one table predicts the order of systems in another: rank correlation, with an interval over devices.

C. Spearman, "The proof and measurement of association between two things", American Journal of Psychology 15(1), 1904.
B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7(1), 1979, over groups of scenes.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from aecbench.results.columns import column
from aecbench.results.table import ResultTable
from aecbench.signals import Array

__all__ = ["Validity", "validity"]

DRAWS, LEVEL = 2000, 0.05  # number of draws and significance level of the bootstrap
FEWEST = 4  # smallest number of systems and of devices


class Validity(NamedTuple):
    """Spearman's rank correlation of the systems in two tables, with its 95 % interval."""

    correlation: float
    low: float
    high: float
    systems: int  # number of systems that both tables have
    devices: int  # number of devices in the second table

    @property
    def predicts(self) -> bool:
        """Whether the whole interval is above 0."""
        return self.low > 0


def validity(board: ResultTable, real: ResultTable, metric: str, truth: str, device: str) -> Validity:
    """Correlate the means or medians of `metric` on a board with the means of `truth` on real recordings, by system.

    The signs are chosen so that higher is better, and rows that tables leave out do not count: metrics of the near end
    while it talks alone. For the interval, devices, the values of the column `device` of the real table, are drawn with
    replacement; a scene without a device counts as a device of its own. The result is NaN with fewer than 4 common
    systems or 4 devices, or if all systems are equal.
    """
    scores, _ = _values(board, metric)
    values, scenes = _values(real, truth)
    systems = [system for system in scores.columns if system in values.columns]
    devices = pd.factorize(scenes.get(device, scenes["scene"]).fillna(scenes["scene"]))[0]
    count = int(devices.max(initial=-1)) + 1
    if min(len(systems), count) < FEWEST:
        return Validity(np.nan, np.nan, np.nan, len(systems), count)
    ours = scores[systems].agg(column(metric, board.provenance).summary).to_numpy()
    theirs = values[systems].to_numpy()
    sums = np.stack([np.nansum(theirs[devices == k], axis=0) for k in range(count)])
    counts = np.stack([np.isfinite(theirs[devices == k]).sum(axis=0) for k in range(count)])
    chosen = np.random.default_rng(0).integers(count, size=(DRAWS, count))
    with np.errstate(invalid="ignore", divide="ignore"):
        drawn = _spearman(ours, sums[chosen].sum(1) / counts[chosen].sum(1))
        correlation = float(_spearman(ours, sums.sum(0) / counts.sum(0)))
    low, high = np.nanquantile(drawn, [LEVEL / 2, 1 - LEVEL / 2]) if np.isfinite(drawn).any() else (np.nan, np.nan)
    return Validity(correlation, float(low), float(high), len(systems), count)


def _values(table: ResultTable, metric: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return scenes x systems, with signs such that higher is better, and the row of each scene."""
    ((_, counted),) = table.parts()
    rows = counted[(counted["metric"] == metric) & counted["value"].notna()]
    values = rows.pivot(index="scene", columns="system", values="value")
    sign = 1 if column(metric, table.provenance).better == "higher" else -1
    scenes = rows.drop_duplicates("scene").set_index("scene", drop=False).loc[values.index]
    return sign * values, scenes


def _spearman(ours: Array, theirs: Array) -> Array:
    """Return the rank correlation [...] of values [N] and [..., N]; NaN if a value is missing or all are equal."""
    one, other = (_ranked(values) for values in (ours, theirs))
    one, other = one - one.mean(), other - other.mean(axis=-1, keepdims=True)
    scale = np.sqrt(np.sum(one * one) * np.sum(other * other, axis=-1))
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(scale > 0, np.sum(one * other, axis=-1) / scale, np.nan))


def _ranked(values: Array) -> Array:
    """Return the rank of each value [..., N] within its row, NaN for NaN; equal values share their mean rank."""
    ranked = pd.DataFrame(values.reshape(-1, values.shape[-1])).rank(axis=1)
    return np.asarray(ranked, float).reshape(values.shape)
