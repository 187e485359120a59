"""Where loudspeaker, microphone and talker are in a room."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from aecbench.dsp.elementary import PI, cos, sin
from aecbench.dsp.random import uniform
from aecbench.errors import ConfigError
from aecbench.scenes.scene import Point
from aecbench.signals import Array

__all__ = ["Placement", "length", "millimetres", "place"]

CLEARANCE = 0.2  # of all three from every wall [m]
TRIES = 1000  # positions of the microphone
DEVICE = (0.3, 1.8)  # heights of loudspeaker and microphone: from a shelf near the floor to a screen on the wall [m]
MOUTH = (1.0, 1.8)  # heights of the talker's mouth, sitting and standing [m]


class Placement(NamedTuple):
    """Three points in a room, to the millimetre."""

    loudspeaker: Point
    microphone: Point
    talker: Point


def place(size: Sequence[float], device: float, talker: float, rng: np.random.Generator) -> Placement:
    """Draw points in a room of `size` (x, y, z): the loudspeaker `device` m, the talker `talker` m from the microphone.

    The microphone is anywhere, the other two in any direction from it, each of them at least 0.2 m from every wall and
    at a usual height. Raises ConfigError if no such points are found in 1000 tries.

    >>> speaker, microphone, talker = place((5, 4, 2.5), 0.1, 1.0, np.random.default_rng(0))
    >>> round(length(np.subtract(speaker, microphone)), 2)
    0.1
    """
    low, high = np.full(3, CLEARANCE), np.asarray(size, np.float64) - CLEARANCE
    device_box, talker_box = (
        (np.maximum(low, [0, 0, bottom]), np.minimum(high, [np.inf, np.inf, top])) for bottom, top in (DEVICE, MOUTH)
    )
    if all((box[0] <= box[1]).all() for box in (device_box, talker_box)):
        for _ in range(TRIES):
            microphone = uniform(rng, *device_box)
            loudspeaker = _around(microphone, device, *device_box, rng)
            mouth = _around(microphone, talker, *talker_box, rng)
            if loudspeaker is not None and mouth is not None:
                return Placement(millimetres(loudspeaker), millimetres(microphone), millimetres(mouth))
    raise ConfigError(
        f"a room of {' x '.join(f'{side:.2f}' for side in size)} m has no place for a loudspeaker {device:.2f} m and a "
        f"talker {talker:.2f} m from the microphone, {CLEARANCE:.2f} m from the walls ({TRIES} tries); "
        "make the room larger or a distance smaller"
    )


def _around(centre: Array, distance: float, low: Array, high: Array, rng: np.random.Generator) -> Array | None:
    """Draw a point from the sphere around `centre`, from its part between the heights low[2] and high[2].

    Equal heights of a sphere have equal areas (Archimedes), so the height is uniform. Return None for a point
    outside the box.
    """
    bottom, top = max(low[2], centre[2] - distance), min(high[2], centre[2] + distance)
    if bottom > top:
        return None
    height, azimuth = uniform(rng, bottom, top), uniform(rng, 0, 2 * PI)
    radius = math.sqrt(max(distance * distance - (height - centre[2]) * (height - centre[2]), 0))
    point = np.array([centre[0] + radius * cos(azimuth), centre[1] + radius * sin(azimuth), height])
    return point if ((point >= low) & (point <= high)).all() else None


def length(vector: Array) -> float:
    """Return the length of a vector [3]."""
    x, y, z = (float(value) for value in vector)
    return math.sqrt(x * x + y * y + z * z)


def millimetres(coordinates: Array) -> Point:
    """Return a point [m] for its coordinates [3], rounded to the millimetre."""
    x, y, z = (round(float(value), 3) for value in coordinates)
    return x, y, z
