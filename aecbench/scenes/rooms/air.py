"""Absorption of sound by air (ISO 9613-1:1993, equations 3 to 5 and annex B) of 20 degrees Celsius at 1 atmosphere."""

import numpy as np

from aecbench.dsp.elementary import exp, power
from aecbench.errors import UsageError
from aecbench.signals import Array

__all__ = ["air_absorption"]

TEMPERATURE = 293.15  # [K], also the reference temperature of the standard
TRIPLE_POINT = 273.16  # of water [K]


def air_absorption(frequencies: Array, humidity: float) -> Array:
    """Power attenuation m(f) [1/m] at a relative humidity [%]: energy falls by exp(-m d) over d metres.

    Raises UsageError for a humidity outside 0 to 100 %.

    >>> m = air_absorption(10 ** np.array([2.1, 3.0, 3.9]), humidity=70)  # 125 Hz, 1 kHz, 8 kHz
    >>> (1000 * 10 * np.log10(np.e) * m).round(1).tolist()  # [dB/km], as in table 2 of ISO 9613-2
    [0.3, 5.0, 76.6]
    """
    if not 0 <= humidity <= 100:
        raise UsageError(f"humidity is {humidity} %, expected 0 to 100")
    vapour = humidity * power(10, 4.6151 - 6.8346 * power(TRIPLE_POINT / TEMPERATURE, 1.261))  # molar concentration [%]
    square = np.square(frequencies)
    oxygen = 24 + 4.04e4 * vapour * (0.02 + vapour) / (0.391 + vapour)  # relaxation frequencies [Hz]
    nitrogen = 9 + 280 * vapour
    relaxation = 0.01275 * exp(-2239.1 / TEMPERATURE) / (oxygen + square / oxygen)
    relaxation += 0.1068 * exp(-3352 / TEMPERATURE) / (nitrogen + square / nitrogen)
    return np.asarray(2 * square * (1.84e-11 + relaxation))
