"""Statistics of values per scene: means and paired differences with their intervals, tests, and ranks.

Scenes share talkers, noises and devices, so they are not independent. The variance of a mean counts every pair of
scenes that shares any of them: A. C. Cameron, J. B. Gelbach and D. L. Miller, "Robust inference with multiway
clustering", Journal of Business & Economic Statistics 29(2), 2011. It is made unbiased, and its degrees of freedom are
found, for the case in which they share nothing: R. M. Bell and D. F. McCaffrey, "Bias reduction in standard errors for
linear regression with multi-stage samples", Survey Methodology 28(2), 2002. Without clusters that is Student's t.

P. Hall, "On the removal of skewness by transformation", Journal of the Royal Statistical Society B 54(1), 1992: a value
is outside the interval only where both t and the transformed t say so.
S. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6(2), 1979.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

from aecbench.results.clusters import Clusters
from aecbench.signals import Array

__all__ = ["FEWEST", "LEVEL", "Difference", "Estimate", "Interval", "difference", "holm", "mean_interval", "ranks"]

LEVEL = 0.05  # of significance
FEWEST = 10  # clusters from which on systems are ranked


class Interval(NamedTuple):
    """A mean over scenes with its 95 % interval, and how many scenes stand behind it."""

    mean: float
    low: float  # -inf where nothing is known, of a single scene
    high: float
    n: int  # scenes in which the metric is defined
    failed: int  # scenes in which it should be, but is not
    bounds: int = 0  # of the n, those in which only a lower bound is known: the mean is one too
    median: float = np.nan


class Difference(NamedTuple):
    """The mean difference of two systems over the scenes in which both have a value, with its interval."""

    mean: float
    low: float
    high: float
    n: int
    p: float  # two-sided: how likely differences like these are if there is none; below 0.05, 0 is outside the interval
    above: int  # of the n, those in which it is positive
    below: int  # of the n, those in which it is negative


class Estimate(NamedTuple):
    """A mean of values that are not all independent, and how well it is known."""

    mean: float
    error: float  # standard error
    skewness: float  # of the mean
    freedom: float  # degrees of freedom of the error
    n: int

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """The ends of the interval that misses the true mean with the probability `level`."""
        if not np.isfinite(self.error):
            return -np.inf, np.inf
        t = float(stdtrit(self.freedom, 1 - level / 2))
        low, high = (float(_straight(end, self.skewness)) for end in (-t, t))
        return self.mean - self.error * max(t, high), self.mean - self.error * min(-t, low)

    @property
    def p(self) -> float:
        """The level whose interval ends at 0: of the two-sided test against no mean at all."""
        if not self.error:
            return float(self.mean == 0)
        t = self.mean / self.error
        return float(2 * stdtr(self.freedom, -min(abs(t), abs(_bent(t, self.skewness)))))


def estimate(x: Array, clusters: Clusters) -> Estimate:
    """The mean of values [N], none of them NaN.

    >>> estimate(np.array([1.0, 2.0, 3.0, 6.0]), Clusters(np.array([[0], [0], [1], [1]])))._replace(skewness=0.0)
    Estimate(mean=3.0, error=1.5, skewness=0.0, freedom=1.0, n=4)
    """
    n, mean = x.size, float(np.mean(x))
    u, degrees = x - mean, clusters.degrees
    pairs = float(degrees.sum())
    freedom = n - pairs / n
    if not (freedom > 0 and np.isfinite(mean)):
        return Estimate(mean, np.inf, 0.0, 1.0, n)
    plain = float(u @ u)
    shared = sum(sign * float(np.square(np.bincount(group, u)).sum()) for sign, group in clusters.groups)
    variance = max(shared / freedom, plain / (n - 1)) / n
    skewness = float(np.sum(u**3)) / plain**1.5 * n**0.5 * (n - 1) ** 0.5 / (n - 2) if plain and n > 2 else 0.0
    spread = pairs - 2 * float(degrees @ degrees) / n + (pairs / n) ** 2
    return Estimate(mean, variance**0.5, skewness, freedom**2 / spread, n)


def _bent(t: float, a: float) -> float:
    """Hall's transformation of t, by which it is less skewed: `a` is the skewness of the mean."""
    return t + a / 3 * t**2 + a**2 / 27 * t**3 + a / 6


def _straight(y: float, a: float) -> float:
    """The inverse of `_bent`.

    >>> [round(_straight(_bent(t, 0.5), 0.5), 9) for t in (-2.0, 0.0, 2.0)]
    [-2.0, 0.0, 2.0]
    """
    return y if abs(a) < 1e-6 else float(3 / a * (np.cbrt(1 + a * (y - a / 6)) - 1))


def mean_interval(
    values: Sequence[float] | Array, failed: int = 0, bounds: int = 0, clusters: Clusters | None = None
) -> Interval:
    """Mean and median of the values [N] that are not NaN, with the 95 % interval of the mean.

    >>> mean_interval([2.0, 2.0, float("nan")])
    Interval(mean=2.0, low=2.0, high=2.0, n=2, failed=0, bounds=0, median=2.0)
    """
    x, kept = _known(values, clusters)
    if x.size == 0:
        return Interval(np.nan, np.nan, np.nan, 0, failed)
    found = estimate(x, kept)
    return Interval(found.mean, *found.interval(), x.size, failed, bounds, float(np.median(x)))


def difference(
    ours: Sequence[float] | Array,
    theirs: Sequence[float] | Array,
    clusters: Clusters | None = None,
    level: float = LEVEL,
) -> Difference:
    """Mean of ours - theirs over the scenes [N] in which neither is NaN, with the interval that misses it with `level`.

    >>> difference([1.0, 2.0, 3.0, float("nan")], [0.0, 1.0, 2.0, 0.0])
    Difference(mean=1.0, low=1.0, high=1.0, n=3, p=0.0, above=3, below=0)
    """
    x, kept = _known(np.subtract(ours, theirs, dtype=float), clusters)
    if x.size == 0:
        return Difference(np.nan, np.nan, np.nan, 0, np.nan, 0, 0)
    found = estimate(x, kept)
    return Difference(found.mean, *found.interval(level), x.size, found.p, int((x > 0).sum()), int((x < 0).sum()))


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


def ranks(columns: Sequence[tuple[Array, Clusters]], last: Sequence[bool]) -> list[list[int | None]]:
    """The rank of each of K systems in every column of a table: values [N, K], higher is better, and their clusters.

    A system ranks behind those that are better for certain: by a paired test, corrected (Holm) for all pairs of systems
    in all columns. Systems that cannot be told apart so share a rank. Those of `last` rank behind all others, whatever
    they score. None where a system has no value, and in a column of less than FEWEST clusters.

    >>> values = np.arange(20)[:, None] % 5 + [0.0, 1.0, 0.9, 7.0]
    >>> values[0] += [0, 0, 5, 0]
    >>> alone = Clusters(np.empty((20, 0), int))
    >>> ranks([(values, alone), (values[:9], alone.at(np.arange(20) < 9))], [False, False, False, True])
    [[3, 1, 1, 4], [None, None, None, None]]
    """
    systems, found = range(len(last)), {}
    for column, (values, clusters) in enumerate(columns):
        for one, other in combinations(systems, 2):
            if clusters.count >= FEWEST:
                found[column, one, other] = difference(values[:, one], values[:, other], clusters)
    corrected = dict(zip(found, holm([pair.p for pair in found.values()]), strict=True))
    better = {
        (column, *((one, other) if found[column, one, other].mean > 0 else (other, one)))
        for (column, one, other), tested in corrected.items()
        if tested.p < LEVEL
    }

    def rank(column: int, one: int) -> int | None:
        values, clusters = columns[column]
        known = [not np.isnan(values[:, other]).all() for other in systems]
        if not known[one] or clusters.count < FEWEST:
            return None
        ahead = [
            last[one] if last[one] != last[other] else (column, other, one) in better
            for other in systems
            if known[other] and other != one
        ]
        return 1 + sum(ahead)

    return [[rank(column, one) for one in systems] for column in range(len(columns))]
