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

FEWEST = 10  # clusters from which on systems are ranked
DIGITS = 2  # after the point, in tables; a smaller difference counts as none in a test of signs


class Interval(NamedTuple):
    """Mean and median over scenes, the 95 % interval of one of them, and how many scenes stand behind it."""

    mean: float
    low: float  # -inf where nothing is known, of a single scene
    high: float
    n: int  # scenes in which the metric is defined
    failed: int  # scenes in which it should be, but is not
    bounds: int = 0  # of the n, those in which only a lower bound is known: the mean is one too
    median: float = np.nan
    summary: Summary = "mean"  # whether the interval belongs to the mean or to the median

    @property
    def value(self) -> float:
        """The mean or the median, whichever the interval belongs to."""
        return self.median if self.summary == "median" else self.mean


class Difference(NamedTuple):
    """Mean and median difference of two systems over the scenes in which both have a value; the interval of one."""

    mean: float
    low: float
    high: float
    n: int
    p: float  # two-sided: how likely differences like these are if there is none; below 0.05, 0 is outside the interval
    above: int  # of the n, those in which it is positive
    below: int  # of the n, those in which it is negative
    median: float = np.nan
    summary: Summary = "mean"  # whether interval and p are those of the mean or of the median

    @property
    def value(self) -> float:
        """The mean or the median, whichever the interval belongs to."""
        return self.median if self.summary == "median" else self.mean


def interval(
    values: Sequence[float] | Array,
    failed: int = 0,
    bounds: int = 0,
    clusters: Clusters | None = None,
    summary: Summary = "mean",
) -> Interval:
    """Summarise the values [N] that are not NaN, with the 95 % interval of their mean or median.

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
    """Summarise ours - theirs over the scenes [N] in which neither is NaN, with the interval of the test at `level`.

    For the median, differences are rounded as tables show them: a sign is the same however small the difference, and
    systems that differ by rounding errors would be told apart.

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
    """The values that are not NaN, and their clusters."""
    x = np.asarray(values, float)
    keep = ~np.isnan(x)
    return x[keep], (Clusters(np.empty((x.size, 0), int)) if clusters is None else clusters).at(keep)


class Corrected(NamedTuple):
    """The result of Holm's procedure for one test of a family."""

    p: float  # corrected
    level: float  # at which it was tested; an interval of that level excludes 0 where `p` is below LEVEL


def holm(p: Sequence[float]) -> list[Corrected]:
    """A family of tests, corrected: if none of the differences is real, one of them is below 0.05 in 5 % of families.

    The same holds for those that are not real among others that are: the chance that any of them is below is 5 % at
    most. It does not say how many of those below 0.05 are real. NaN entries are skipped.

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
    """The rank of each of K systems in every column of a table.

    A system ranks behind those that are better for certain: by a paired test, corrected (Holm) for all pairs of systems
    in all columns. Systems that cannot be told apart so share a rank. Those of `last` rank behind all others, whatever
    they score. None where a system has no value, and in a column of less than FEWEST clusters.

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
