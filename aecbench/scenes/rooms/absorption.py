"""The absorption that gives a room its reverberation time.

The formulas of Sabine and Eyring presume sound that comes from everywhere alike. In an empty shoebox it does not: waves
along the longest side meet walls least often and last longest, which bends the decay and makes it slower. The image
sources themselves say how it goes (E. A. Lehmann and A. M. Johansson, "Prediction of energy decay in room impulse
responses simulated with an image-source model", Journal of the Acoustical Society of America 124(1), 2008). At a time t
they lie on a sphere of radius c t, and sound from direction n has met the walls x about c t |n_x| / L_x times. With
a = -ln(1 - absorption), the mean of both walls x in a_x, the energy that arrives is

    E(t) ~ mean over directions n of exp(-c t (a_x |n_x| / L_x + a_y |n_y| / L_y + a_z |n_z| / L_z)).

It depends on a t only, so T20 is inversely proportional to a, with a factor that depends on the shape of the room.
"""

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from aecbench.dsp.elementary import PI, cos, exp, log, sin
from aecbench.errors import UsageError
from aecbench.scenes.rooms.air import air_absorption
from aecbench.scenes.rooms.decay import END, fitted_rt60
from aecbench.scenes.rooms.shoebox import SPEED_OF_SOUND
from aecbench.scenes.rooms.spectrum import centres
from aecbench.signals import Array

__all__ = ["absorption_for"]

MOST = 0.9  # walls that absorb more on average leave a few echoes, and no decay whose T20 could be foretold
NODES = 16  # of the mean over directions, per angle of an octant
STEPS = 200  # of the decay curve


def absorption_for(
    rt60: ArrayLike,
    size: Sequence[float],
    *,
    walls: Sequence[float] = (1, 1, 1, 1, 1, 1),
    humidity: float | None = None,
) -> Array | None:
    """Energy absorption [6, B] of the walls of a room so that the T20 of its responses is `rt60` [s].

    `rt60`: one number (B = 1), or one per octave band [B] from 125 Hz on. `walls`: how much each absorbs compared to
    the others, in units of -ln(1 - absorption). `humidity` [%]: take off what air absorbs, at the centres of the
    bands, and at 1 kHz for one number.
    None where the room cannot have that reverberation time: walls would have to absorb more than 90 % on average, or
    less than nothing. Raises UsageError for `walls` that are no weights.

    >>> absorption_for(0.3, (6, 5, 3)).round(2).tolist()
    [[0.36], [0.36], [0.36], [0.36], [0.36], [0.36]]
    >>> absorption_for(0.05, (6, 5, 3)) is None
    True
    """
    if min(walls) < 0 or max(walls) <= 0:
        raise UsageError(f"walls absorb {tuple(walls)}, expected numbers from 0 on, not all of them 0")
    times = np.atleast_1d(np.asarray(rt60, np.float64))
    rate = 1 / times  # of decay [60 dB/s]
    if humidity is not None:
        centre = centres(len(times)) if np.ndim(rt60) else np.array([1000.0])
        rate = rate - air_absorption(centre, humidity) * SPEED_OF_SOUND / log(1e6)
    exponents = np.outer(walls, rate) * (_unit_rt60(size, walls) / SPEED_OF_SOUND)
    absorption = 1 - exp(-exponents)
    return absorption if (absorption >= 0).all() and (absorption.mean(0) <= MOST).all() else None


def _unit_rt60(size: Sequence[float], walls: Sequence[float]) -> float:
    """Return the product c T20 [m] of a room whose walls have a = `walls`."""
    directions, share = _octant()
    loss = (directions * (np.reshape(walls, (3, 2)).mean(-1) / size)).sum(-1)  # [1/m]

    def decay(distance: Array) -> Array:  # the integral of E from `distance` on
        return np.asarray((exp(-np.outer(distance, loss)) * (share / loss)).sum(-1))

    far, start = 1 / loss.mean(), decay(np.zeros(1))
    while decay(np.array([far])) > END * start:
        far *= 2
    distance = np.linspace(0, far, STEPS)
    return fitted_rt60(distance, decay(distance))


@functools.cache
def _octant() -> tuple[Array, Array]:
    """Directions [N, 3] in an octant of the sphere, and the share [N] of it that each stands for."""
    nodes, weights = _gauss_legendre(NODES)
    z, azimuth = np.meshgrid((nodes + 1) / 2, (nodes + 1) * PI / 4)  # equal areas of the sphere
    radius = np.sqrt(1 - z * z)
    directions = np.stack([radius * cos(azimuth), radius * sin(azimuth), z], axis=-1).reshape(-1, 3)
    return directions, np.outer(weights, weights).ravel() / 4


def _gauss_legendre(count: int) -> tuple[Array, Array]:
    """Nodes and weights [count] of Gaussian quadrature over -1 to 1: the roots of a Legendre polynomial, by Newton."""
    x = -cos(PI * (np.arange(count) + 0.75) / (count + 0.5))
    for _ in range(8):
        before, value = np.ones(count), x
        for n in range(2, count + 1):
            before, value = value, ((2 * n - 1) * x * value - (n - 1) * before) / n
        slope = count * (before - x * value) / (1 - x * x)
        x = x - value / slope
    return x, 2 / ((1 - x * x) * slope * slope)
