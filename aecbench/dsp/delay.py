"""Constant or varying delays by any number of samples, by band-limited interpolation.

The interpolator is a polyphase windowed sinc, as in J. O. Smith and P. Gossett, "A flexible sampling-rate conversion
method", ICASSP 1984: 64 taps, Kaiser window, 512 phases with linear interpolation between them. Up to 0.9 of the
Nyquist frequency, the error of a tone is below -80 dB.
"""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecbench.dsp.compile import compiled, inlined
from aecbench.signals import Array

__all__ = ["delay", "drift", "sample"]

HALF = 32  # taps on each side
PHASES = 512
BETA = 8.5  # shape parameter of the Kaiser window
LANES = HALF // 2  # partial sums, of four taps each


def delay(x: Array, samples: float) -> Array:
    """Return the signal x [..., T] delayed by `samples` (advanced if negative): float32 [..., T], padded with zeros.

    A delay by a whole number of samples copies them exactly.

    >>> delay(np.array([1.0, 2.0, 3.0]), 1).tolist(), delay(np.array([1.0, 2.0, 3.0]), -5).tolist()
    ([0.0, 1.0, 2.0], [0.0, 0.0, 0.0])
    """
    if samples != round(samples):
        return sample(x, np.arange(x.shape[-1]) - samples)
    y, shift = np.zeros(x.shape, np.float32), round(samples)
    length = max(0, x.shape[-1] - abs(shift))
    y[..., max(0, shift) :][..., :length] = x[..., max(0, -shift) :][..., :length]
    return y


def drift(x: Array, ppm: float) -> Array:
    """Return x [..., T] as played by a clock that is `ppm` parts per million fast: y[n] = x[n (1 + ppm / 10^6)].

    All frequencies rise by `ppm`, and sample 0 stays in place. With a positive `ppm`, the signal gets ahead of the
    original, by T ppm / 10^6 samples at the end, which is padded with as many zeros. The result is float32 [..., T].
    """
    return sample(x, np.arange(x.shape[-1]) * (1 + 1e-6 * ppm))


def sample(x: Array, positions: Array) -> Array:
    """Interpolate the band-limited signal x [..., T] at `positions` [N], in samples: float32 [..., N].

    The signal is taken to be 0 outside 0...T-1. No anti-aliasing filter is applied, so high frequencies alias if
    positions are more than one sample apart.
    """
    length = x.shape[-1]
    base = np.floor(positions)
    outside = (base < -HALF) | (base >= length + HALF)
    start = np.where(outside, 0, base + HALF).astype(np.int64)  # first tap, in the padded signal
    phase = np.where(outside, 0.0, (positions - base) * PHASES)
    padded = np.pad(np.asarray(x, np.float32), [(0, 0)] * (x.ndim - 1) + [(2 * HALF - 1, 2 * HALF)])
    y = np.empty((*x.shape[:-1], len(positions)), np.float32)
    for i in np.ndindex(x.shape[:-1]):
        _interpolate(padded[i], start, phase, _table(), y[i])
    y[..., outside] = 0
    return y


@cache
def _table() -> Array:
    """Return the windowed sinc [PHASES + 1, 2 HALF]: row p has the weights for a position p / PHASES after a sample."""
    from aecbench.dsp.resample import kaiser, sinc

    taps, phase = np.arange(2 * HALF) - (HALF - 1), np.arange(PHASES + 1) / PHASES
    distance = taps - phase[:, None]
    return (sinc(distance) * kaiser(distance / HALF, BETA)).astype(np.float32)


@compiled
def _interpolate(x: Array, start: NDArray[np.int64], phase: Array, table: Array, y: Array) -> None:
    """Interpolate one row: y[n] = sum over k of x[start[n] + k] table[phase[n], k].

    LANES partial sums, which a processor may compute in parallel, are added in a fixed order.
    """
    sums = np.empty(LANES, np.float32)
    for n in range(y.shape[0]):
        row = int(phase[n])
        share = np.float32(phase[n] - row)
        low, high, source = table[row], table[min(row + 1, PHASES)], x[start[n] : start[n] + 2 * HALF]
        for lane in range(LANES):  # its four taps are written out, because an inner loop would prevent vectorisation
            total = np.float32(0) + _weighed(source, low, high, share, lane)
            total += _weighed(source, low, high, share, lane + LANES)
            total += _weighed(source, low, high, share, lane + 2 * LANES)
            total += _weighed(source, low, high, share, lane + 3 * LANES)
            sums[lane] = total
        for lane in range(8):
            sums[lane] += sums[lane + 8]
        for lane in range(4):
            sums[lane] += sums[lane + 4]
        y[n] = (sums[0] + sums[2]) + (sums[1] + sums[3])


@inlined
def _weighed(x: Array, low: Array, high: Array, share: np.float32, k: int) -> Any:
    return x[k] * (low[k] + share * (high[k] - low[k]))
