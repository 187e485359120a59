"""The amplifier's gain control, from slow compression to a limiter that guards the loudspeaker.

D. Giannoulis, M. Massberg and J. D. Reiss, "Digital dynamic range compressor design - a tutorial and analysis", Journal
of the Audio Engineering Society 60(6), 2012: feed-forward, gain computed in dB with a soft knee, decoupled peak
detector, in which the filter of the attack also smooths the release.
"""

import numpy as np

from aecbench.dsp.compile import compiled
from aecbench.dsp.elementary import decibels, exp, from_decibels
from aecbench.scenes.devices.device import Device, Range
from aecbench.signals import Array

__all__ = ["DEVICE", "compressor", "reduced"]

QUIETEST = 1e-9  # amplitude to which lower ones are raised: -180 dBFS


def compressor(
    x: Array, rate: int, threshold: float, ratio: float, knee: float, attack: float, release: float
) -> Array:
    """Compress the levels of x [..., T] above `threshold` [dBFS]: threshold + D dB become threshold + D / ratio.

    The knee is `knee` dB wide; `attack` and `release` are the time constants [s] by which the gain falls and recovers.
    """
    return np.asarray(x * reduced(x, rate, threshold, ratio, knee, attack, release), x.dtype)


def reduced(x: Array, rate: int, threshold: float, ratio: float, knee: float, attack: float, release: float) -> Array:
    """Return the gain, a factor from 0 to 1, by which `compressor` multiplies x: float64 [..., T]."""
    over = 2 * decibels(np.maximum(np.abs(x), QUIETEST)) - threshold
    bent = np.square(np.clip(over + knee / 2, 0, knee)) / (2 * knee) if knee else 0
    target = (1 - 1 / ratio) * (bent + np.maximum(over - knee / 2, 0))
    smooth = [float(exp(-1 / (rate * time))) for time in (attack, release)]
    reduction = np.empty(x.shape)
    for i in np.ndindex(x.shape[:-1]):
        _follow(target[i], reduction[i], *smooth)
    return np.asarray(from_decibels(-reduction))


@compiled
def _follow(target: Array, reduction: Array, attack: float, release: float) -> None:
    """Set `reduction` [dB] to `target` [dB], held by the factor `release` and then smoothed by the factor `attack`."""
    peak = now = 0.0
    for n in range(target.size):
        peak = max(target[n], release * peak)
        now = attack * now + (1 - attack) * peak
        reduction[n] = now


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
