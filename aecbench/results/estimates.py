"""The mean and the median of a metric over scenes that are not all independent, and their error.

Mean. Scenes share talkers, noises and devices. The variance of a mean counts every pair of scenes that shares any of
them: A. C. Cameron, J. B. Gelbach and D. L. Miller, "Robust inference with multiway clustering", Journal of Business &
Economic Statistics 29(2), 2011. It is made unbiased, and its degrees of freedom are found, for the case in which they
share nothing: R. M. Bell and D. F. McCaffrey, "Bias reduction in standard errors for linear regression with multi-stage
samples", Survey Methodology 28(2), 2002. Without clusters that is Student's t. A value is outside the interval only
where both t and the transformed t say so: P. Hall, "On the removal of skewness by transformation", Journal of the Royal
Statistical Society B 54(1), 1992.

Median. The interval of the share of scenes below it, which is a mean, is turned into values: R. S. Woodruff,
"Confidence intervals for medians and other position measures", Journal of the American Statistical Association 47(260),
1952. Its test is a sign test of scenes that are not independent.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

import numpy as np
from scipy.special import stdtr, stdtrit

from aecbench.results.clusters import Clusters
from aecbench.signals import Array

__all__ = ["ESTIMATES", "LEVEL", "Estimate", "Mean", "Median", "Summary", "mean", "median"]

LEVEL = 0.05  # of significance

Summary = Literal["mean", "median"]


class Estimate(Protocol):
    """A mean or a median over scenes, and how well it is known."""

    @property
    def value(self) -> float:
        """The mean or the median itself."""

    @property
    def p(self) -> float:
        """The level whose interval ends at 0: the p-value of the two-sided test of whether it is 0."""

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Give the ends of the interval that misses the true value with the probability `level`."""


class Mean(NamedTuple):
    """The mean of values that are not all independent."""

    value: float
    error: float  # standard error
    skewness: float  # of the mean
    freedom: float  # degrees of freedom of the error

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Give the ends of the interval that misses the true mean with the probability `level`."""
        if not np.isfinite(self.error):
            return -np.inf, np.inf
        t = float(stdtrit(self.freedom, 1 - level / 2))
        low, high = (float(_straight(end, self.skewness)) for end in (-t, t))
        return self.value - self.error * max(t, high), self.value - self.error * min(-t, low)

    @property
    def p(self) -> float:
        """The p-value of the two-sided test of whether the mean is 0."""
        if not self.error:
            return float(self.value == 0)
        t = self.value / self.error
        return float(2 * stdtr(self.freedom, -min(abs(t), abs(_bent(t, self.skewness)))))


class Median(NamedTuple):
    """The median of values that are not all independent."""

    value: float
    error: float  # standard error of the share of values below the true median
    freedom: float  # degrees of freedom of the error
    ordered: Array  # [N] the values, rising

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Give the ends of the interval that misses the true median with the probability `level`.

        It holds every value with no more of the N values on either side of it than half of them and t errors.
        """
        n = self.ordered.size
        most = n * (0.5 + float(stdtrit(self.freedom, 1 - level / 2)) * self.error)
        if not most < n:
            return -np.inf, np.inf
        return float(self.ordered[n - 1 - int(most)]), float(self.ordered[int(most)])

    @property
    def p(self) -> float:
        """The p-value of the two-sided test of whether the median is 0; values of 0 speak for that."""
        share = float(max(np.mean(self.ordered < 0), np.mean(self.ordered > 0)))
        return float(2 * stdtr(self.freedom, -max(share - 0.5, 0.0) / self.error))


def mean(x: Array, clusters: Clusters) -> Mean:
    """Estimate the mean of values [N], none of them NaN.

    >>> mean(np.array([1.0, 2.0, 3.0, 6.0]), Clusters(np.array([[0], [0], [1], [1]])))._replace(skewness=0.0)
    Mean(value=3.0, error=1.5, skewness=0.0, freedom=1.0)
    """
    n, average = x.size, float(np.mean(x))
    u, degrees = x - average, clusters.degrees
    pairs = float(degrees.sum())
    freedom = n - pairs / n
    if not (freedom > 0 and np.isfinite(average)):
        return Mean(average, np.inf, 0.0, 1.0)
    plain = float(u @ u)
    shared = sum(sign * float(np.square(np.bincount(group, u)).sum()) for sign, group in clusters.groups)
    variance = max(shared / freedom, plain / (n - 1)) / n
    skewness = float(np.sum(u**3)) / plain**1.5 * n**0.5 * (n - 1) ** 0.5 / (n - 2) if plain and n > 2 else 0.0
    spread = pairs - 2 * float(degrees @ degrees) / n + (pairs / n) ** 2
    return Mean(average, variance**0.5, skewness, freedom**2 / spread)


def median(x: Array, clusters: Clusters) -> Median:
    """Estimate the median of values [N], none of them NaN.

    The error of the share of values below it is at least the one for N independent values, also where many are equal.

    >>> median(np.arange(1.0, 25), Clusters(np.empty((24, 0), int))).interval()
    (7.0, 18.0)
    """
    n, middle = x.size, float(np.median(x))
    sides = mean(np.sign(x - middle) / 2, clusters)
    least = 0.5 / (n - 1) ** 0.5 if n > 1 else np.inf
    return Median(middle, max(sides.error, least), sides.freedom, np.sort(x))


ESTIMATES: dict[Summary, Callable[[Array, Clusters], Estimate]] = {"mean": mean, "median": median}


def _bent(t: float, a: float) -> float:
    """Apply Hall's transformation of t, which makes it less skewed: `a` is the skewness of the mean."""
    return t + a / 3 * t**2 + a**2 / 27 * t**3 + a / 6


def _straight(y: float, a: float) -> float:
    """Invert `_bent`.

    >>> [round(_straight(_bent(t, 0.5), 0.5), 9) for t in (-2.0, 0.0, 2.0)]
    [-2.0, 0.0, 2.0]
    """
    return y if abs(a) < 1e-6 else float(3 / a * (np.cbrt(1 + a * (y - a / 6)) - 1))
