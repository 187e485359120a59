"""The input of every engine: a rectangular room, points in it, and the absorption of its walls.

Walls are in the order x = 0, x = size[0], y = 0, y = size[1], floor, ceiling. The pressure of a source is 1 at 1 m.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike

from aecbench.errors import UsageError
from aecbench.signals import Array

__all__ = ["SPEED_OF_SOUND", "Engine", "Shoebox", "shoebox"]

SPEED_OF_SOUND = 343.0  # [m/s], in air of 20 degrees Celsius
WALLS = 6


class Engine(Protocol):
    """Impulse responses of a shoebox room, float32 [S, M, length]."""

    def __call__(
        self,
        size: Sequence[float],
        sources: ArrayLike,
        microphones: ArrayLike,
        absorption: ArrayLike,
        *,
        rate: int,
        length: int,
        humidity: float | None = None,
        high_pass: bool = True,
        threads: int = 1,
    ) -> Array:
        """From each of `sources` [S, 3] to each of `microphones` [M, 3] in a room of `size` (x, y, z), all in metres.

        `absorption`: the share of energy that walls absorb, 0 to 1. One number; one per wall [6]; or per wall and
        octave band [6, B] (or [1, B]), with bands centred at 125, 250, 500, ... Hz.
        `humidity`: relative humidity of air that absorbs too [%, at 20 degrees Celsius]; None for air that does not.
        `high_pass`: remove what is below 10 Hz, which no loudspeaker plays. An image source sums positive pulses only,
        so its responses hold much of it.
        `threads`: how many may work at once. It decides how long it takes, and not a bit of the result.

        Raises UsageError for a point outside the room, a source at a microphone, or values out of their range.
        """


class Shoebox(NamedTuple):
    """The checked geometry: all float64."""

    size: Array  # [3]
    sources: Array  # [S, 3]
    microphones: Array  # [M, 3]
    absorption: Array  # [6, B], B = 1 where all frequencies are alike


def shoebox(size: Sequence[float], sources: ArrayLike, microphones: ArrayLike, absorption: ArrayLike) -> Shoebox:
    """Return the arguments of an engine as arrays of known shape. Raises UsageError.

    >>> shoebox((5, 4, 3), [[1, 1, 1]], [[2, 2, 2]], 0.3).absorption.shape
    (6, 1)
    >>> shoebox((5, 4, 3), [[1, 1, 1]], [[2, 2, 3.5]], 0.3)
    Traceback (most recent call last):
    aecbench.errors.UsageError: microphone at (2.0, 2.0, 3.5) m is not inside the room of (5.0, 4.0, 3.0) m
    """
    room = np.asarray(size, np.float64)
    if room.shape != (3,) or not (room > 0).all():
        raise UsageError(f"room size is {size}, expected three positive lengths in metres")
    points = [_inside(room, kind, x) for kind, x in (("source", sources), ("microphone", microphones))]
    if (points[0][:, None] == points[1]).all(-1).any():
        raise UsageError("a source and a microphone are at the same point; move one of them")
    return Shoebox(room, points[0], points[1], _walls(absorption))


def _inside(room: Array, kind: str, points: ArrayLike) -> Array:
    x = np.asarray(points, np.float64)
    if x.ndim != 2 or x.shape[1] != 3:
        raise UsageError(f"{kind}s have the shape {x.shape}, expected [number, 3]")
    for point in x:
        if not ((point > 0) & (point < room)).all():
            raise UsageError(f"{kind} at {tuple(point.tolist())} m is not inside the room of {tuple(room.tolist())} m")
    return x


def _walls(absorption: ArrayLike) -> Array:
    x = np.asarray(absorption, np.float64)
    walls = x[:, None] if x.ndim == 1 else np.atleast_2d(x)
    if walls.ndim != 2 or walls.shape[0] not in (1, WALLS) or walls.shape[1] == 0:
        raise UsageError(
            f"absorption has the shape {x.shape}, expected one number, [6] walls, or [6 or 1, octave bands]"
        )
    if not ((walls >= 0) & (walls <= 1)).all():
        raise UsageError(f"absorption is {x.tolist()}, expected shares from 0 to 1")
    return np.broadcast_to(walls, (WALLS, walls.shape[1]))
