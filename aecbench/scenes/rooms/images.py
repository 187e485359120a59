"""The image-source method for shoebox rooms.

J. B. Allen and D. A. Berkley, "Image method for efficiently simulating small-room acoustics", Journal of the Acoustical
Society of America 65(4), 1979.

Mirror rooms are counted by (i, j, k) along the axes, from negative to positive. Positions and gains separate,

    h(t) = sum over i, j, k of  gx[i] gy[j] gz[k] / d  delta(t - d / c),    d^2 = x[i]^2 + y[j]^2 + z[k]^2,

so three short tables describe millions of images, and for each (i, j) the k within reach are one run of the table.

Instead of a band-limited pulse per image, each image goes to the two nearest cells of a grid of OVERSAMPLING cells per
sample (linear interpolation), and the grid is low-passed and decimated once. The low-pass is the pulse, a sinc in a
Hann window of +-REACH samples, with the droop of the linear interpolation undone. The remaining error of the
interpolation is 60 dB down at the highest frequencies, and more below.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from aecbench.dsp.compile import compiled
from aecbench.dsp.elementary import PI, cos
from aecbench.dsp.resample import sinc
from aecbench.scenes.rooms.shoebox import SPEED_OF_SOUND, shoebox
from aecbench.scenes.rooms.spectrum import finish
from aecbench.signals import Array

__all__ = ["impulse_responses"]

OVERSAMPLING = 16
REACH = 40  # half the length of the low-pass [samples]
START = OVERSAMPLING * REACH + 1  # the cell at time zero
PARTS = 4  # partial grids, filled independently and added in a fixed order
SILENT = 1e-7  # images whose reflections lost more than 140 dB are left out: float32 ends there
TOGETHER = 32  # images computed before they are added: few enough for a processor to add some while it divides others
BLOCK = 256  # samples decimated together, few enough for the first-level cache
STEP = 9  # taps of the low-pass applied together, a divisor of their number in each phase


def impulse_responses(
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
    """See `Engine`. The time it takes is proportional to the images that arrive within `length`, times octave bands.

    Sums are taken in one order, whatever `threads`.
    """
    room = shoebox(size, sources, microphones, absorption)
    gains = np.sqrt(1 - room.absorption)
    bands = np.empty((len(room.sources), len(room.microphones), gains.shape[1], length), np.float32)
    same = [next(k for k in range(b + 1) if (gains[:, k] == gains[:, b]).all()) for b in range(gains.shape[1])]
    with ThreadPoolExecutor(threads) as pool:
        spread = pool.map if threads > 1 else map
        for s, m, b in np.ndindex(bands.shape[:3]):
            scale = OVERSAMPLING * rate / SPEED_OF_SOUND  # [cells / m]
            cells = scale * room.size, scale * room.sources[s], scale * room.microphones[m]
            bands[s, m, b] = (
                np.float32(scale) * _response(*cells, gains[:, b], length, spread)
                if same[b] == b
                else bands[s, m, same[b]]
            )
    return finish(bands, rate, humidity=humidity, high_pass=high_pass)


def _response(
    size: Array, source: Array, microphone: Array, gains: Array, length: int, spread: Callable[..., Iterable[Any]]
) -> Array:
    """Return a response [length]: 1 at a distance of 1 cell, the unit of all lengths. `gains` [6] reflect pressure."""
    reach = float(OVERSAMPLING * (length - 1 + REACH))
    walls = gains.reshape(3, 2)
    order = np.argsort(-size)  # along the shortest side last: the innermost loop shall be long
    tables = [t for axis in order for t in _axis(size[axis], source[axis], microphone[axis], walls[axis], reach)]
    cells, response = OVERSAMPLING * (length + 2 * REACH + 1), np.zeros(length, np.float32)
    partials = iter(spread(lambda part: _scatter(cells, part, reach, *tables), range(PARTS)))
    grid = next(partials)
    for partial in partials:
        grid += partial
    low_pass = _low_pass()
    cuts = [length * part // PARTS for part in range(PARTS + 1)]
    list(spread(lambda start, stop: _decimate(response, grid, low_pass, start, stop), cuts, cuts[1:]))
    return response


@compiled
def _axis(size: float, source: float, microphone: float, gains: Array, reach: float) -> tuple[Array, Array]:
    """Coordinates of the images along one axis, relative to the microphone and ascending, and their reflection gains.

    Mirror room k > 0 is seen through (k + 1) // 2 reflections at the far wall and k // 2 at the near one.
    """
    last = int(reach / size) + 2
    near, far = _powers(gains[0], last), _powers(gains[1], last)
    coordinates, reflected = np.empty(2 * last + 1), np.empty(2 * last + 1)
    used = 0
    for k in range(-last, last + 1):
        more, fewer = (abs(k) + 1) // 2, abs(k) // 2
        coordinate = k * size + (source if k % 2 == 0 else size - source) - microphone
        gain = far[more] * near[fewer] if k > 0 else near[more] * far[fewer]
        if abs(coordinate) < reach and gain > SILENT:
            coordinates[used], reflected[used] = coordinate, gain
            used += 1
    return coordinates[:used], reflected[:used]


@compiled
def _powers(base: float, highest: int) -> Array:
    """Return base^0, base^1, ... to base^highest, each from the one before."""
    powers = np.ones(highest + 1)
    for k in range(highest):
        powers[k + 1] = powers[k] * base
    return powers


@functools.cache
def _low_pass() -> Array:
    """Taps [p, q] of the low-pass, by phase and sample: tap [p, q] weighs cell OVERSAMPLING (q - REACH) - 1 + p.

    Linear interpolation weighs a frequency of f cycles per cell by sinc^2(f) = 1 - pi^2 f^2 / 3 + ...; the three taps
    (-1, 14, -1) / 12 weigh it by 1 + pi^2 f^2 / 3 - ...
    The window is half a sample early. In pyroomacoustics it begins at whole samples, which is half a sample early on
    average; a centred window would differ from it by -52 dB instead of -56 dB, all of it near half the sampling rate.
    """
    time = np.arange(-REACH * OVERSAMPLING, REACH * OVERSAMPLING + 1) / OVERSAMPLING
    pulse = np.pad(sinc(time) * (0.5 + 0.5 * cos(PI * np.clip((time - 0.5) / REACH, -1, 1))), 2)
    taps = (14 * pulse[1:-1] - pulse[:-2] - pulse[2:]) / 12
    taps = np.pad(taps, (0, -len(taps) % OVERSAMPLING))
    return np.ascontiguousarray(taps.reshape(-1, OVERSAMPLING).T, np.float32)


@compiled
def _seek(ascending: Array, k: int, value: float) -> int:
    """Index of the first entry >= value, looked for from k."""
    while k > 0 and ascending[k - 1] >= value:
        k -= 1
    while k < ascending.size and ascending[k] < value:
        k += 1
    return k


@compiled
def _scatter(
    cells: int, part: int, reach: float, x: Array, gx: Array, y: Array, gy: Array, z: Array, gz: Array
) -> Array:
    """Return a grid [cells] of the images of the rows i = part, part + PARTS, ..."""
    grid = np.zeros(cells, np.float32)
    cell = np.empty(TOGETHER, np.int32)
    early = np.empty(TOGETHER, np.float32)
    late = np.empty(TOGETHER, np.float32)
    square = z * z
    first = last = z.size // 2
    for i in range(part, x.size, PARTS):
        for j in range(y.size):
            rho = x[i] * x[i] + y[j] * y[j]
            gain = gx[i] * gy[j]
            if rho >= reach * reach or gain < SILENT:
                continue
            edge = np.sqrt(reach * reach - rho)
            first, last = _seek(z, first, -edge), _seek(z, last, edge)
            for start in range(first, last, TOGETHER):
                count = min(TOGETHER, last - start)
                squares, gains = square[start : start + count], gz[start : start + count]
                for k in range(count):  # apart from the sums below, and from 0 on: compilers make vectors of that
                    d = np.sqrt(rho + squares[k])
                    level = np.float32(gain * gains[k]) / np.float32(d)
                    cell[k] = np.int32(d)
                    late[k] = level * np.float32(d - np.int32(d))
                    early[k] = level - late[k]
                for k in range(count):
                    n = np.uint32(cell[k]) + np.uint32(START)
                    grid[n] += early[k]
                    grid[n + np.uint32(1)] += late[k]
    return grid


@compiled
def _decimate(out: Array, grid: Array, taps: Array, start: int, stop: int) -> None:
    """Add to out[start:stop] the low-passed grid at every OVERSAMPLING-th cell."""
    phase = np.empty(BLOCK + taps.shape[1], np.float32)
    for begin in range(start, stop, BLOCK):
        block = out[begin : min(begin + BLOCK, stop)]
        for p in range(taps.shape[0]):
            for n in range(block.size + taps.shape[1] - 1):
                phase[n] = grid[OVERSAMPLING * (begin + n) + p]
            for q in range(0, taps.shape[1], STEP):
                weights, shifted = taps[p, q : q + STEP], phase[q:]
                for n in range(block.size):
                    total = block[n]
                    for k in range(STEP):  # in registers, one after the other
                        total += weights[k] * shifted[n + k]
                    block[n] = total
