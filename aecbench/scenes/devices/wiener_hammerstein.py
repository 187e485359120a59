"""Nonlinearity with memory: a filter, a saturation and the inverse filter (Wiener-Hammerstein).

The suspension of a cone saturates with its excursion, and the excursion is largest at low frequencies: bass distorts,
and takes the treble with it, while the same level of treble alone distorts less.
"""

import numpy as np

from aecbench.dsp.elementary import from_decibels, tanh
from aecbench.dsp.recursive import filtered, inverse_shelf, shelf
from aecbench.scenes.devices.device import DRIVE, Device, Range
from aecbench.scenes.devices.memoryless import block_dc
from aecbench.scenes.devices.oversample import oversampled
from aecbench.signals import Array

__all__ = ["DEVICE", "wiener_hammerstein"]


def wiener_hammerstein(
    x: Array, rate: int, drive: float, frequency: float, boost: float, limit: float, bias: float
) -> Array:
    """Send x [..., T] through a shelf that boosts by `boost` dB below `frequency` Hz, saturation, inverse shelf.

    The saturation is limit (tanh(drive u / limit + bias) - tanh(bias)) / (1 - tanh(bias)^2) / drive, of slope 1 at 0
    and, with a `bias`, asymmetric. DC is taken out.
    """
    rest = float(tanh(bias))

    def saturation(u: Array) -> Array:
        return np.asarray(
            limit / drive / (1 - rest * rest) * (tanh(drive * u.astype(np.float64) / limit + bias) - rest), u.dtype
        )

    gain = float(from_decibels(boost))
    excursion = filtered([shelf(frequency, gain, rate)], x)
    return block_dc(filtered([inverse_shelf(frequency, gain, rate)], oversampled(saturation, excursion)))


DEVICE = Device(
    wiener_hammerstein,
    {
        "drive": DRIVE,
        "frequency": Range(300.0, 50.0, 1000.0),
        "boost": Range(12.0, 0.0, 24.0),
        "limit": Range(2.0, 0.1, 10.0),
        "bias": Range(0.1, 0.0, 0.5),
    },
    source="filter, tanh and inverse filter",
)
