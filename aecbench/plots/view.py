"""The part of an axis that a figure shows: the range of the systems that compete, and of the oracle if it is near."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from aecbench.results.lost import CEILING
from aecbench.signals import Array

__all__ = ["View", "mark_above", "view"]

FAR = 2  # the oracle is outside the view if it is further from the others than this multiple of their range
MARGIN = 0.05  # relative to the range
NARROWEST = 0.1  # smallest range that is shown, so that differences of 1e-10 look like none


class View(NamedTuple):
    """The ends of an axis."""

    low: float
    high: float


def view(values: Mapping[str, Array], ends: Mapping[str, Array], scenes: Mapping[str, Array]) -> View | None:
    """Return the ends of the axis for summaries `values` of systems, each an array of any length; None without values.

    They include the `ends` of intervals, but only as far as there are values of single `scenes`: intervals of few
    scenes may leave the range of the metric. The oracle counts only if its median is near the others.
    """
    rivals = [system for system in values if system != CEILING] or list(values)
    middle = _finite(values, rivals)
    if not middle.size:
        return None
    low, high = middle.min(), middle.max()
    ceiling = _finite(values, [system for system in values if system not in rivals])
    reach = FAR * (high - low)
    near = ceiling if ceiling.size and low - reach <= np.median(ceiling) <= high + reach else ceiling[:0]
    singles = np.concatenate([_finite(scenes, rivals), middle])
    outer = np.concatenate([middle, np.clip(_finite(ends, rivals), singles.min(), singles.max()), near])
    low, high = float(outer.min()), float(outer.max())
    margin = max(MARGIN * (high - low), (NARROWEST - (high - low)) / 2)
    return View(low - margin, high + margin)


def mark_above(axis: Axes, shown: View, x: Array, y: Array, colour: str) -> None:
    """Draw an arrow at the upper edge of a view for each of the oracle's values `y` that are above it."""
    above = y > shown.high
    if above.any():
        transform = axis.get_xaxis_transform()
        axis.plot(x[above], np.full(above.sum(), 1.0), "^", ms=4, color=colour, transform=transform, clip_on=False)


def _finite(values: Mapping[str, Array], systems: Sequence[str]) -> Array:
    """Return all finite values of some systems, [n]."""
    every = np.concatenate([np.ravel(values[system]) for system in systems if system in values] or [np.zeros(0)])
    return np.asarray(every[np.isfinite(every)])
