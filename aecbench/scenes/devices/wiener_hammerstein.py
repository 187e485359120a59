"""Nonlinearity with memory: a filter, a saturation and the inverse filter (Wiener-Hammerstein).

The suspension of a cone saturates with its excursion, and the excursion is largest at low frequencies: bass distorts,
and takes the treble with it, while the same level of treble alone distorts less.
"""

import math

import numpy as np

from aecbench.scenes.devices.device import Device, Filter, filtered
from aecbench.scenes.loudspeaker import block_dc
from aecbench.scenes.loudspeaker.model import DRIVE, Range
from aecbench.scenes.loudspeaker.oversample import oversampled
from aecbench.signals import Array

__all__ = ["DEVICE", "wiener_hammerstein"]


def wiener_hammerstein(
    x: Array, rate: int, drive: float, frequency: float, boost: float, limit: float, bias: float
) -> Array:
    """The signal x [..., T] through a shelf that boosts by `boost` dB below `frequency` Hz, saturation, inverse shelf.

    The saturation is limit (tanh(drive u / limit + bias) - tanh(bias)) / (1 - tanh(bias)^2) / drive, of slope 1 at 0
    and, with a `bias`, asymmetric. DC is taken out.
    """
    rest = math.tanh(bias)

    def saturation(u: Array) -> Array:
        return np.asarray(limit / drive / (1 - rest**2) * (np.tanh(drive * u / limit + bias) - rest), u.dtype)

    numerator, denominator = shelf(frequency, boost, rate)
    excursion = filtered((numerator, denominator), x)
    return block_dc(filtered((denominator, numerator), oversampled(saturation, excursion)))


def shelf(frequency: float, boost: float, rate: int) -> Filter:
    """First-order low shelf (s + g) / (s + 1) at `frequency` Hz: gain g = `boost` dB at DC, 0 dB at Nyquist."""
    k, gain = math.tan(math.pi * frequency / rate), 10 ** (boost / 20)
    return [1 + gain * k, gain * k - 1], [1 + k, k - 1]


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
