"""Statistics of values per scene: means, medians and paired differences with their intervals, tests, and ranks.

S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6(2), 1979.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from aecbench.results.clusters import Clusters
from aecbench.results.estimates import ESTIMATES, LEVEL, Estimate, Summary
from aecbench.signals import Array

__all__ = ["FEWEST", "LEVEL", "Difference", "Interval", "Ranked", "difference", "holm", "interval", "ranks"]

FEWEST = 10  # smallest number of clusters for which systems are ranked
DIGITS = 2  # decimals in tables; smaller differences count as zero in a sign test


class Interval(NamedTuple):
    """Mean and median over scenes, the 95 % interval of one of them, and the number of scenes."""

    mean: float
    low: float  # -inf for a single scene, whose interval is unbounded
    high: float
    n: int  # scenes in which the metric is defined
    failed: int  # scenes in which it should be defined, but is not
    bounds: int = 0  # scenes among the n with only a lower bound, which makes the mean a lower bound too
    median: float = np.nan
    summary: Summary = "mean"  # whether the interval is the one of the mean or of the median

    @property
    def value(self) -> float:
        """The mean or the median, as `summary` says."""
        return self.median if self.summary == "median" else self.mean


class Difference(NamedTuple):
    """Mean and median difference of two systems over the scenes in which both have a value, and the interval of one."""

    mean: float
    low: float
    high: float
    n: int
    p: float  # two-sided p-value of the null hypothesis of no difference; below 0.05, the interval excludes 0
    above: int  # scenes among the n in which it is positive
    below: int  # scenes among the n in which it is negative
    median: float = np.nan
    summary: Summary = "mean"  # whether interval and p are those of the mean or of the median

    @property
    def value(self) -> float:
        """The mean or the median, as `summary` says."""
        return self.median if self.summary == "median" else self.mean


def interval(
    values: Sequence[float] | Array,
    failed: int = 0,
    bounds: int = 0,
    clusters: Clusters | None = None,
    summary: Summary = "mean",
) -> Interval:
    """Summarise values [N], ignoring NaN, with the 95 % interval of their mean or median.

    >>> interval([2.0, 2.0, float("nan")])
    Interval(mean=2.0, low=2.0, high=2.0, n=2, failed=0, bounds=0, median=2.0, summary='mean')
    """
    x, kept = _known(values, clusters)
    if x.size == 0:
        return Interval(np.nan, np.nan, np.nan, 0, failed, summary=summary)
    ends = ESTIMATES[summary](x, kept).interval()
    return Interval(float(np.mean(x)), *ends, x.size, failed, bounds, float(np.median(x)), summary)


def difference(
    ours: Sequence[float] | Array,
    theirs: Sequence[float] | Array,
    clusters: Clusters | None = None,
    level: float = LEVEL,
    summary: Summary = "mean",
) -> Difference:
    """Summarise ours - theirs over the scenes [N] in which neither is NaN, with the interval at `level`.

    For the median, differences are rounded as in tables: a sign test ignores the size of differences, so rounding
    errors could make them significant.

    >>> difference([1.0, 2.0, 3.0, float("nan")], [0.0, 1.0, 2.0, 0.0])
    Difference(mean=1.0, low=1.0, high=1.0, n=3, p=0.0, above=3, below=0, median=1.0, summary='mean')
    """
    x, estimate = _estimated(ours, theirs, clusters, summary)
    if estimate is None:
        return Difference(np.nan, np.nan, np.nan, 0, np.nan, 0, 0, summary=summary)
    signs = int((x > 0).sum()), int((x < 0).sum())
    return Difference(
        float(np.mean(x)), *estimate.interval(level), x.size, estimate.p, *signs, float(np.median(x)), summary
    )


def _estimated(
    ours: Sequence[float] | Array, theirs: Sequence[float] | Array, clusters: Clusters | None, summary: Summary
) -> tuple[Array, Estimate | None]:
    """Return ours - theirs for the scenes in which neither is NaN, and the estimate of their mean or median.

    The estimate is None if there are no such scenes.
    """
    x, kept = _known(np.subtract(ours, theirs, dtype=float), clusters)
    x = np.round(x, DIGITS) + 0.0 if summary == "median" else x
    return x, ESTIMATES[summary](x, kept) if x.size else None


def _known(values: Sequence[float] | Array, clusters: Clusters | None) -> tuple[Array, Clusters]:
    """Return the values that are not NaN, and their clusters."""
    x = np.asarray(values, float)
    keep = ~np.isnan(x)
    return x[keep], (Clusters(np.empty((x.size, 0), int)) if clusters is None else clusters).at(keep)


class Corrected(NamedTuple):
    """The result of Holm's procedure for one test of a family."""

    p: float  # corrected p-value
    level: float  # level of the test; an interval at this level excludes 0 if `p` is below LEVEL


def holm(p: Sequence[float]) -> list[Corrected]:
    """Correct the p-values of a family of tests by Holm's procedure.

    If all corrected p-values below 0.05 are called significant, the probability of at least one false positive in the
    family is at most 5 %, whether or not other differences are real. It does not say how many of the significant
    differences are real. NaN entries are skipped.

    >>> [round(one.p, 9) for one in holm([0.01, float("nan"), 0.04, 0.03])]
    [0.03, nan, 0.06, 0.06]
    """
    values = np.asarray(p, float)
    tests = int((~np.isnan(values)).sum())
    order = np.argsort(values)[:tests]  # NaN last
    factors = np.arange(tests, 0, -1)
    corrected, levels = np.full(values.shape, np.nan), np.full(values.shape, LEVEL)
    corrected[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1)
    passed = int((corrected[order] < LEVEL).sum())
    levels[order] = LEVEL / factors[np.minimum(np.arange(tests), passed)] if passed < tests else LEVEL / factors
    return [Corrected(float(a), float(b)) for a, b in zip(corrected, levels, strict=True)]


class Ranked(NamedTuple):
    """A column in which systems are ranked."""

    values: Array  # [N, K] scenes x systems; higher is better
    clusters: Clusters
    summary: Summary = "mean"


def ranks(columns: Sequence[Ranked], last: Sequence[bool]) -> list[list[int | None]]:
    """Return the rank of each of K systems in every column of a table.

    A system ranks behind those that are significantly better, by paired tests with Holm's correction for all pairs of
    systems in all columns. Systems whose differences are not significant may thus share a rank. Systems in `last` rank
    behind all others, whatever their values. The rank is None for a system without a value, and in columns with fewer
    than FEWEST clusters.

    >>> values = np.arange(20)[:, None] % 5 + [0.0, 1.0, 0.9, 7.0]
    >>> values[0] += [0, 0, 5, 0]
    >>> alone = Clusters(np.empty((20, 0), int))
    >>> ranks([Ranked(values, alone), Ranked(values[:9], alone.at(np.arange(20) < 9))], [False, False, False, True])
    [[3, 1, 1, 4], [None, None, None, None]]
    """
    systems, tested = range(len(last)), {}
    for column, (values, clusters, summary) in enumerate(columns):
        if clusters.count >= FEWEST:
            for system, other in combinations(systems, 2):
                _, estimate = _estimated(values[:, system], values[:, other], clusters, summary)
                if estimate is not None:
                    tested[column, system, other] = estimate
    corrected = dict(zip(tested, holm([estimate.p for estimate in tested.values()]), strict=True))
    better = {
        (column, *((system, other) if tested[column, system, other].value > 0 else (other, system)))
        for (column, system, other), test in corrected.items()
        if test.p < LEVEL
    }
    valid = [np.any(~np.isnan(values), axis=0, keepdims=True)[0] for values, _, _ in columns]

    def rank(column: int, system: int) -> int | None:
        if not valid[column][system] or columns[column].clusters.count < FEWEST:
            return None
        ahead = [
            last[system] if last[system] != last[other] else (column, other, system) in better
            for other in systems
            if valid[column][other] and other != system
        ]
        return 1 + sum(ahead)

    return [[rank(column, system) for system in systems] for column in range(len(columns))]
