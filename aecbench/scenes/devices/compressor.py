"""The amplifier's gain control, from slow compression to a limiter that guards the loudspeaker.

D. Giannoulis, M. Massberg and J. D. Reiss, "Digital dynamic range compressor design - a tutorial and analysis", Journal
of the Audio Engineering Society 60(6), 2012: feed-forward, gain computed in dB with a soft knee, smooth decoupled
peak detector.
"""

import math

import numba
import numpy as np

from aecbench.scenes.devices.device import Device
from aecbench.scenes.loudspeaker.model import Range
from aecbench.signals import Array

__all__ = ["DEVICE", "compressor"]


def compressor(
    x: Array, rate: int, threshold: float, ratio: float, knee: float, attack: float, release: float
) -> Array:
    """The signal x [..., T] with its peaks above `threshold` dBFS brought down: T + D dB go in, T + D / ratio come out.

    The knee is `knee` dB wide; `attack` and `release` are the time constants [s] by which the gain falls and recovers.
    """
    y = np.empty_like(x)
    smooth = [math.exp(-1 / (rate * time)) for time in (attack, release)]
    for i in np.ndindex(x.shape[:-1]):
        _compress(x[i], y[i], threshold, 1 - 1 / ratio, knee, *smooth)
    return y


@numba.njit(cache=True)
def _compress(x: Array, y: Array, threshold: float, slope: float, knee: float, attack: float, release: float) -> None:
    peak = reduction = 0.0  # [dB]
    for n in range(x.shape[0]):
        over = 20 * math.log10(max(abs(x[n]), 1e-9)) - threshold
        if 2 * over <= -knee:
            wanted = 0.0
        elif 2 * over < knee:
            wanted = slope * (over + knee / 2) ** 2 / (2 * knee)
        else:
            wanted = slope * over
        peak = max(wanted, release * peak)
        reduction = attack * reduction + (1 - attack) * peak
        y[n] = x[n] * 10 ** (-reduction / 20)


DEVICE = Device(
    compressor,
    {
        "threshold": Range(-6.0, -40.0, 0.0),
        "ratio": Range(20.0, 1.0, 100.0),
        "knee": Range(6.0, 0.0, 20.0),
        "attack": Range(0.001, 1e-4, 0.1),
        "release": Range(0.1, 0.005, 2.0),
    },
    source="D. Giannoulis, M. Massberg and J. D. Reiss, Digital dynamic range compressor design, J. AES 60(6), 2012",
)
