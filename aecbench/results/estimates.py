"""Mean and median of a metric over scenes that are not all independent, and their confidence intervals.

Mean. Scenes share talkers, noises and devices. The variance of the mean includes the covariance of every pair of scenes
that shares any of them: A. C. Cameron, J. B. Gelbach and D. L. Miller, "Robust inference with multiway clustering",
Journal of Business & Economic Statistics 29(2), 2011. It is corrected to be unbiased for independent values, and so are
its degrees of freedom: R. M. Bell and D. F. McCaffrey, "Bias reduction in standard errors for linear regression with
multi-stage samples", Survey Methodology 28(2), 2002. Without clusters, this is Student's t. The interval contains all
values that are within the limits of t or within those of the transformed t: P. Hall, "On the removal of skewness by
transformation", Journal of the Royal Statistical Society B 54(1), 1992.

Median. The fraction of scenes below the median is a mean; its interval is converted to values: R. S. Woodruff,
"Confidence intervals for medians and other position measures", Journal of the American Statistical Association 47(260),
1952. The test is a sign test for dependent scenes.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple, Protocol

import numpy as np
from scipy.special import stdtr, stdtrit

from aecbench.results.clusters import Clusters
from aecbench.signals import Array

__all__ = ["ESTIMATES", "LEVEL", "Estimate", "Mean", "Median", "Summary", "mean", "median"]

LEVEL = 0.05  # significance level

Summary = Literal["mean", "median"]


class Estimate(Protocol):
    """A mean or a median over scenes, with its uncertainty."""

    @property
    def value(self) -> float:
        """The mean or the median."""

    @property
    def p(self) -> float:
        """The p-value of the two-sided test of whether it is 0: the level at which an end of the interval is at 0."""

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the ends of the confidence interval, which misses the true value with the probability `level`."""


class Mean(NamedTuple):
    """The mean of values that are not all independent."""

    value: float
    error: float  # standard error
    skewness: float  # skewness of the mean
    freedom: float  # degrees of freedom of the error

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the ends of the confidence interval, which misses the true mean with the probability `level`."""
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
    error: float  # standard error of the fraction of values below the true median
    freedom: float  # degrees of freedom of the error
    ordered: Array  # [N] the values in ascending order

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """Return the ends of the confidence interval, which misses the true median with the probability `level`.

        It contains all values for which the fraction of the N values on either side is at most 1/2 + t * error.
        """
        n = self.ordered.size
        most = n * (0.5 + float(stdtrit(self.freedom, 1 - level / 2)) * self.error)
        if not most < n:
            return -np.inf, np.inf
        return float(self.ordered[n - 1 - int(most)]), float(self.ordered[int(most)])

    @property
    def p(self) -> float:
        """The p-value of the two-sided test of whether the median is 0; values of 0 count in favour of it."""
        share = float(max(np.mean(self.ordered < 0), np.mean(self.ordered > 0)))
        return float(2 * stdtr(self.freedom, -max(share - 0.5, 0.0) / self.error))


def mean(x: Array, clusters: Clusters) -> Mean:
    """Estimate the mean of values [N], which must not contain NaN.

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
    """Estimate the median of values [N], which must not contain NaN.

    The error of the fraction below the median is at least that for N independent values, even if many are equal.

    >>> median(np.arange(1.0, 25), Clusters(np.empty((24, 0), int))).interval()
    (7.0, 18.0)
    """
    n, middle = x.size, float(np.median(x))
    sides = mean(np.sign(x - middle) / 2, clusters)
    least = 0.5 / (n - 1) ** 0.5 if n > 1 else np.inf
    return Median(middle, max(sides.error, least), sides.freedom, np.sort(x))


ESTIMATES: dict[Summary, Callable[[Array, Clusters], Estimate]] = {"mean": mean, "median": median}


def _bent(t: float, a: float) -> float:
    """Apply Hall's transformation to t, which reduces its skewness; `a` is the skewness of the mean."""
    return t + a / 3 * t**2 + a**2 / 27 * t**3 + a / 6


def _straight(y: float, a: float) -> float:
    """Invert `_bent`.

    >>> [round(_straight(_bent(t, 0.5), 0.5), 9) for t in (-2.0, 0.0, 2.0)]
    [-2.0, 0.0, 2.0]
    """
    return y if abs(a) < 1e-6 else float(3 / a * (np.cbrt(1 + a * (y - a / 6)) - 1))
