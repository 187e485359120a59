"""Noise suppression: bands in which little more than the floor is heard are turned down.

The floor is followed by the minimum of a smoothed power, which may rise slowly (R. Martin, "Noise power spectral
density estimation based on optimal smoothing and minimum statistics", IEEE Transactions on Speech and Audio Processing
9(5), 2001, in its simplest form), and the gain is the one of spectral subtraction (M. Berouti, R. Schwartz and
J. Makhoul, "Enhancement of speech corrupted by acoustic noise", ICASSP 1979).
"""

import numpy as np

from aecbench.dsp.compile import compiled
from aecbench.dsp.elementary import exp, from_decibels
from aecbench.dsp.levels import frame_length, frame_power
from aecbench.dsp.recursive import filtered, low_pass
from aecbench.scenes.devices.device import Device, Range
from aecbench.signals import Array

__all__ = ["STAGE", "suppressor"]

EDGES = (300.0, 700.0, 1400.0, 2800.0)  # between the bands [Hz]
FLAT = 0.7071
SMOOTHING, RISE = 0.05, 4.0  # time constants [s]: of the power, and in which the floor may grow by a factor of e


def suppressor(stems: Array, rate: int, depth: float, excess: float) -> Array:
    """Turn down each of five bands of the stems [S, T] by up to `depth` dB, where it holds no more than the floor.

    `excess` is the factor by which the estimated floor is overestimated. The gains are derived from the sum of the
    stems, once per 10 ms, and held for the next 10 ms, in which they fade.
    """
    n = frame_length(rate)
    smooth, rise = float(exp(-n / (rate * SMOOTHING))), float(exp(n / (rate * RISE)))
    lowest = float(from_decibels(-depth))
    y, rest = np.zeros(stems.shape, np.float32), stems
    for edge in (*EDGES, None):
        band = rest if edge is None or 2 * edge >= rate else filtered([low_pass(edge, FLAT, rate)], rest)
        gains = np.empty(stems.shape[-1] // n)
        _follow(frame_power(band.sum(0), rate), gains, smooth, rise, lowest, excess)
        _apply(band, gains, n, y)
        rest = rest - band
    return y


@compiled
def _follow(power: Array, gains: Array, smooth: float, rise: float, lowest: float, excess: float) -> None:
    """Set `gains` to the gain after each frame, from the frames up to it."""
    level = floor = power[0] if power.size else 0.0
    for k in range(power.size):
        level = smooth * level + (1 - smooth) * power[k]
        floor = min(floor * rise, level)
        share = 1 - excess * floor / level if level > 0 else 1.0
        gains[k] = max(lowest, np.sqrt(max(share, 0.0)))


@compiled
def _apply(band: Array, gains: Array, n: int, y: Array) -> None:
    """Add every stem of a band times its gain, which fades from frame to frame, to y [S, T]."""
    for s in range(band.shape[0]):
        before = 1.0
        for start in range(0, band.shape[1], n):
            after = gains[min(start // n - 1, gains.size - 1)] if start >= n and gains.size else 1.0
            for k in range(start, min(start + n, band.shape[1])):
                share = (k - start + 1) / n
                y[s, k] += np.float32((before + share * (after - before)) * band[s, k])
            before = after


STAGE = Device(
    suppressor,
    {"depth": Range(12.0, 0.0, 40.0), "excess": Range(1.5, 0.5, 5.0)},
    source="M. Berouti, R. Schwartz and J. Makhoul, Enhancement of speech corrupted by acoustic noise, ICASSP 1979",
)
