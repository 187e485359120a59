"""Reverberation time of an impulse response, by backward integration.

M. R. Schroeder, "New method of measuring reverberation time", Journal of the Acoustical Society of America 37, 1965;
ISO 3382-1:2009, where T20 is the time of a decay by 60 dB as extrapolated from -5 to -25 dB.
"""

import functools

import numpy as np

from aecbench.dsp.elementary import decibels
from aecbench.dsp.recursive import Section, butterworth_high_pass, filtered
from aecbench.signals import Array

__all__ = ["END", "energy_decay", "fitted_rt60", "measured_rt60"]

LOWEST = 88.4  # lower edge of the octave around 125 Hz, the lowest that ISO 3382 asks for [Hz]
START, END = 0.31622776601683794, 0.0031622776601683794  # -5 and -25 dB: what T20 is measured on
DIRECT = 0.0025  # how long the direct sound is taken to last after its peak [s]


def measured_rt60(response: Array, rate: int) -> float:
    """T20 [s] of the reverberation in a response [T], or NaN where it decays by less than 25 dB.

    The direct sound is left out, for it is not part of the decay: 20 cm from a loudspeaker, all else may be 25 dB down.
    So is what is below the octave of 125 Hz, where image sources make single modes ring far longer than the room.

    >>> decay = 10 ** (-3 * np.arange(16_000) / 8_000) * (-1.0) ** np.arange(16_000)
    >>> round(measured_rt60(decay, 16_000), 3)
    0.5
    >>> measured_rt60(decay[:2_000], 16_000)
    nan
    """
    tail = response[int(np.argmax(np.abs(response))) + round(DIRECT * rate) :]
    if len(tail) == 0:
        return float("nan")
    curve = energy_decay(filtered(_high_pass(rate), tail))
    return fitted_rt60(np.arange(len(curve)) / rate, curve)


@functools.cache
def _high_pass(rate: int) -> list[Section]:
    return butterworth_high_pass(4, LOWEST, rate)


def energy_decay(response: Array) -> Array:
    """Energy that is still to come at each sample of a response: [..., T] -> float64 [..., T].

    The energy beyond the end continues the decay from the third to the last quarter (the constant C of ISO 3382-1):
    infinite where it does not decay.

    >>> response = 0.5 ** np.arange(8)
    >>> (energy_decay(response) / response**2).round(6).tolist()
    [1.333333, 1.333333, 1.333333, 1.333333, 1.333333, 1.333333, 1.333333, 1.333333]
    """
    energy = np.square(response, dtype=np.float64)
    quarter = energy.shape[-1] // 4
    end = energy.shape[-1]
    third = energy[..., end - 2 * quarter : end - quarter].sum(-1, keepdims=True)
    last = energy[..., end - quarter :].sum(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = np.where(last < third, last * last / (third - last), np.where(last > 0, np.inf, 0))
    return np.asarray(np.cumsum(energy[..., ::-1], axis=-1)[..., ::-1] + beyond)


def fitted_rt60(time: Array, curve: Array) -> float:
    """Return RT60 [s] from the line through -5 to -25 dB of an energy decay curve, or NaN if it does not get there."""
    if not 0 < curve[0] < np.inf or curve[-1] > END * curve[0]:
        return float("nan")
    used = (curve <= START * curve[0]) & (curve >= END * curve[0])
    if np.count_nonzero(used) < 2:
        return float("nan")
    t, level = time[used] - time[used].mean(), decibels(curve[used])
    return float(-60 * np.sum(t * t) / np.sum(t * level))  # by the slope of least squares
