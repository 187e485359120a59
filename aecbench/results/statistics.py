"""What values scene by scene say: means and paired differences with their intervals, tests, and ranks.

B. Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7(1), 1979: percentile intervals.
F. Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1(6), 1945.
S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6(2), 1979.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import wilcoxon

from aecbench.signals import Array

__all__ = ["Difference", "Interval", "difference", "holm", "mean_interval", "ranks"]

RESAMPLES = 2000
BATCH = 200  # resamples that are averaged at once


class Interval(NamedTuple):
    """A mean over scenes with its 95 % bootstrap interval, and how many scenes stand behind it."""

    mean: float
    low: float
    high: float
    n: int  # scenes in which the metric is defined
    failed: int  # scenes in which it should be, but is not
    bounds: int = 0  # of the n, those in which only a lower bound is known: the mean is one too
    median: float = np.nan


class Difference(NamedTuple):
    """The mean difference of two systems over the scenes in which both have a value, with its 95 % interval."""

    mean: float
    low: float
    high: float
    n: int
    p: float  # of Wilcoxon's signed-rank test, two-sided: how likely differences like these are if there is none
    above: int  # of the n, those in which it is positive
    below: int  # of the n, those in which it is negative


def mean_interval(values: Sequence[float] | Array, failed: int = 0, bounds: int = 0) -> Interval:
    """Mean and median of the values that are not NaN, with the percentile bootstrap interval of the mean, seeded.

    >>> mean_interval([2.0, 2.0, float("nan")])
    Interval(mean=2.0, low=2.0, high=2.0, n=2, failed=0, bounds=0, median=2.0)
    """
    x = np.asarray(values, float)
    x = x[~np.isnan(x)]
    if x.size == 0:
        return Interval(np.nan, np.nan, np.nan, 0, failed)
    return Interval(float(x.mean()), *_interval(x), x.size, failed, bounds, float(np.median(x)))


def difference(ours: Sequence[float] | Array, theirs: Sequence[float] | Array) -> Difference:
    """Mean of ours - theirs over the scenes [N] in which neither is NaN; scenes are resampled, not values.

    >>> difference([1.0, 2.0, 3.0, float("nan")], [0.0, 1.0, 2.0, 0.0])._replace(p=0.25)
    Difference(mean=1.0, low=1.0, high=1.0, n=3, p=0.25, above=3, below=0)
    """
    x = np.subtract(ours, theirs, dtype=float)
    x = x[~np.isnan(x)]
    if x.size == 0:
        return Difference(np.nan, np.nan, np.nan, 0, np.nan, 0, 0)
    p = float(wilcoxon(x[x != 0]).pvalue) if x.any() else 1.0
    return Difference(float(x.mean()), *_interval(x), x.size, p, int((x > 0).sum()), int((x < 0).sum()))


def holm(p: Sequence[float]) -> list[float]:
    """p-values of a family of tests, corrected: below 0.05, all of them hold with 95 % probability. NaN is no test.

    >>> holm([0.01, float("nan"), 0.04, 0.03])
    [0.03, nan, 0.06, 0.06]
    """
    values = np.asarray(p, float)
    tests = int((~np.isnan(values)).sum())
    order = np.argsort(values)[:tests]  # NaN last
    corrected = np.full(values.shape, np.nan)
    corrected[order] = np.minimum(np.maximum.accumulate(values[order] * np.arange(tests, 0, -1)), 1)
    return [float(value) for value in corrected]


def ranks(values: Array, last: Sequence[bool]) -> list[int | None]:
    """The rank of each of K systems by their values [N, K], higher is better; None where a system has no value.

    A system ranks behind those that are better for certain: the 95 % interval of the paired difference is above zero.
    Systems that cannot be told apart so share a rank. Those of `last` rank behind all others, whatever they score.

    >>> values = np.arange(20)[:, None] % 5 + [0.0, 1.0, 0.9, 7.0]
    >>> values[0] += [0, 0, 5, 0]
    >>> ranks(values, [False, False, False, True])
    [3, 1, 1, 4]
    """
    known = [not np.isnan(column).all() for column in values.T]

    def behind(one: int, other: int) -> bool:
        if not known[other] or one == other:
            return False
        if last[one] != last[other]:
            return last[one]
        x = values[:, other] - values[:, one]
        x = x[~np.isnan(x)]
        return x.size > 0 and _interval(x)[0] > 0

    systems = range(values.shape[1])
    return [1 + sum(behind(one, other) for other in systems) if known[one] else None for one in systems]


def _interval(x: Array) -> tuple[float, float]:
    """The 95 % percentile interval of the mean of values [N], none of them NaN."""
    if x.size == 1 or not np.isfinite(x).all() or np.ptp(x) == 0:
        return float(x.mean()), float(x.mean())
    counts = _counts(x.size)
    means = np.concatenate([counts[start : start + BATCH] @ x for start in range(0, RESAMPLES, BATCH)]) / x.size
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


@functools.lru_cache(maxsize=8)
def _counts(n: int) -> Array:
    """How often each of `n` scenes is drawn, with replacement, into each resample: [RESAMPLES, n]."""
    rng = np.random.default_rng(n)
    return np.stack([np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(RESAMPLES)]).astype(np.float32)
