"""One signal out of several versions of it, with a cross-fade from one version to the next."""

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from aecbench.dsp.interpolate import interpolate
from aecbench.errors import ConfigError
from aecbench.signals import Array

__all__ = ["Knot", "blend", "steps"]


class Knot(NamedTuple):
    """At sample `at`, version `version` alone is heard; between two knots the one fades linearly into the other."""

    at: int
    version: int


def steps(versions: int, times: Sequence[float], rate: int, fade: float) -> list[Knot]:
    """Return the knots of a switch from version k to k + 1 at times[k] [s], each a cross-fade of `fade` seconds.

    Raises ConfigError for times that are not one fewer than versions, do not ascend, or are closer than a cross-fade.

    >>> [tuple(knot) for knot in steps(2, [1.0], 1000, 0.02)]
    [(0, 0), (1000, 0), (1020, 1)]
    """
    if len(times) != versions - 1:
        raise ConfigError(
            f"{len(times)} times of change, expected {versions - 1}: one fewer than the values changed to"
        )
    length = max(1, round(rate * fade))
    knots = [Knot(0, 0)]
    for k, time in enumerate(times):
        at = round(rate * time)
        if at < knots[-1].at:
            raise ConfigError(
                f"change at {time} s, expected at least {knots[-1].at / rate} s, when the change before is complete"
            )
        knots += [Knot(at, k), Knot(at + length, k + 1)]
    return knots


def blend(version: Callable[[int, int, int], Array], knots: Sequence[Knot], length: int) -> Array:
    """Return the signal [..., length] that the knots, in ascending order, describe; the outer ones hold to the ends.

    `version(k, start, stop)` gives samples start...stop - 1 [..., stop - start] of version k; it is asked for no more
    than what is heard.
    """
    runs = [list(run) for _, run in itertools.groupby(knots, key=lambda knot: knot.version)]
    if len(runs) == 1:
        return version(runs[0][0].version, 0, length)
    y = np.zeros((*version(knots[0].version, 0, 0).shape[:-1], length), np.float32)
    for before, run, after in zip([None, *runs[:-1]], runs, [*runs[1:], None], strict=True):
        ramp = [(before[-1].at, 0)] if before else []
        ramp += [(knot.at, 1) for knot in run]
        ramp += [(after[0].at, 0)] if after else []
        start = max(ramp[0][0], 0) if before else 0
        stop = min(ramp[-1][0], length) if after else length
        if start < stop:
            weight = interpolate(np.arange(start, stop), *np.transpose(ramp)).astype(np.float32)
            y[..., start:stop] += weight * version(run[0].version, start, stop)
    return y
