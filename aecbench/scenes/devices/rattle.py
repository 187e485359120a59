"""Rattle: something loose in the enclosure is hit whenever the case moves far enough, and rings.

Every hit is short, so the harmonics reach far up ("rub and buzz"); below the threshold nothing is heard at all.
"""

import numpy as np

from aecbench.dsp.recursive import filtered, high_pass, low_pass
from aecbench.scenes.devices.device import Device, Range
from aecbench.signals import Array

__all__ = ["DEVICE", "rattle"]

CASE = 500.0  # Hz up to which the case moves with the cone
FLAT = 0.7071


def rattle(x: Array, rate: int, threshold: float, strength: float, frequency: float, q: float) -> Array:
    """Return y = x + strength g * max(e - threshold, 0), where e is x [..., T] below 500 Hz, and * a convolution.

    g is a high-pass that resonates at `frequency` Hz with quality `q`: the loose part.
    """
    excursion = filtered([low_pass(CASE, FLAT, rate)], x)
    contact = np.maximum(excursion - x.dtype.type(threshold), 0)
    return x + x.dtype.type(strength) * filtered([high_pass(frequency, q, rate)], contact)


DEVICE = Device(
    rattle,
    {
        "threshold": Range(0.2, 0.02, 1.0),
        "strength": Range(1.0, 0.0, 5.0),
        "frequency": Range(2000.0, 500.0, 3500.0),
        "q": Range(5.0, 0.5, 20.0),
    },
    source="a one-sided contact that excites a resonance",
)
