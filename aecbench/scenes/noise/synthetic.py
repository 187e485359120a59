"""Stationary Gaussian noise of a given spectrum, with power 1."""

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aecbench.dsp import fourier
from aecbench.dsp.compile import compiled
from aecbench.dsp.elementary import PI, decibels, exp, from_decibels, log, scalar_sincos
from aecbench.dsp.interpolate import interpolate
from aecbench.dsp.levels import power
from aecbench.dsp.random import normal, uniform
from aecbench.signals import Array

__all__ = ["device", "pink", "speech_shaped", "white"]

LOWEST = 20.0  # [Hz]: pink noise is flat below, which is inaudible
SLOPES = (0.2, 2.0)  # of the density of a device's floor
FLATTENED = 60.0  # [Hz]: it is flat below
HUM = (-40.0, -6.0)  # amplitude of each tone of the hum, relative to the root mean square of the rest [dB]
LTASS = (
    (63, 38.6), (80, 43.5), (100, 54.4), (125, 57.7), (160, 56.8), (200, 60.2), (250, 60.3), (315, 59.0), (400, 62.1),
    (500, 62.1), (630, 60.5), (800, 56.8), (1000, 53.7), (1250, 53.0), (1600, 52.0), (2000, 48.7), (2500, 48.1),
    (3150, 46.8), (4000, 45.6), (5000, 44.5), (6300, 44.3), (8000, 43.7), (10000, 43.4), (12500, 41.3), (16000, 40.7),
)  # fmt: skip
"""Third-octave bands [Hz] and their levels [dB SPL] in speech of 70 dB: women and men of 12 languages put together.

D. Byrne et al., "An international comparison of long-term average speech spectra", J. Acoust. Soc. Am. 96(4), 1994.
"""


def white(rng: np.random.Generator, length: int, rate: int) -> Array:
    """Draw noise with the same power in every hertz: float32 [length]. `rate` is unused."""
    return _unit(normal(rng, length))


def pink(rng: np.random.Generator, length: int, rate: int) -> Array:
    """Draw noise with the same power in every octave, a density of 1/f: float32 [length]."""
    return _shaped(rng, length, _remembered(_size(length), rate, _pink))


def speech_shaped(rng: np.random.Generator, length: int, rate: int) -> Array:
    """Draw noise with the long-term average spectrum of speech (LTASS): float32 [length].

    The density of a third-octave band at f is its power over its width, which is proportional to f; between the bands
    it is interpolated in dB over log f; outside them, it is constant.
    """
    return _shaped(rng, length, _remembered(_size(length), rate, _speech_shaped))


def device(rng: np.random.Generator, length: int, rate: int) -> Array:
    """Draw the noise floor of a device: a density of 1/f^p with p from 0.2 to 2, and a mains hum of 50 or 60 Hz.

    The hum consists of a tone and two overtones, each with 9 to 43 dB less power than the rest: float32 [length].
    """
    exponent = uniform(rng, *SLOPES)
    weights = _weights(_size(length), rate, lambda frequency: _falling(frequency, exponent))
    noise = _shaped(rng, length, weights).astype(np.float64)
    mains = (50.0, 60.0)[int(rng.integers(2))]
    for overtone in (1, 2, 3):
        level, phase = uniform(rng, *HUM), uniform(rng, 0, 2 * PI)
        _add_tone(noise, np.float32(from_decibels(level)), 2 * PI * overtone * mains, phase, rate)
    return _unit(noise)


@compiled
def _add_tone(x: Array, amplitude: np.float32, frequency: float, phase: float, rate: int) -> None:
    """Add a sine to the signal x [T]; `frequency` is in radians per second."""
    for n in range(x.size):
        sine, _ = scalar_sincos(frequency * (n / rate) + phase)
        x[n] += amplitude * sine


def _falling(frequency: Array, exponent: float) -> Array:
    return np.asarray(exp(-exponent / 2 * log(np.maximum(frequency, FLATTENED))))


def _pink(frequency: Array) -> Array:
    return np.asarray(1 / np.sqrt(np.maximum(frequency, LOWEST)))


def _speech_shaped(frequency: Array) -> Array:
    centre, level = np.array(LTASS, float).T
    density = level - decibels(centre)
    return np.asarray(from_decibels(interpolate(log(frequency), log(centre), density)))


def _size(length: int) -> int:
    """Return the samples of the transform that gives `length` samples of noise."""
    return max(1 << max(length - 1, 1).bit_length(), fourier.SHORTEST)


def _shaped(rng: np.random.Generator, length: int, weights: Array) -> Array:
    """Draw noise whose spectrum has these `weights`; no constant component.

    The spectrum of white noise is white noise, so it is drawn as it is.
    """
    strips, rows, width = weights.shape
    white = normal(rng, 2 * weights.size).astype(np.float32).reshape(strips, rows, 2, width)
    return _unit(fourier.inverse((white * weights[:, :, None]).reshape(strips, rows, 2 * width))[0][:length])


def _weights(size: int, rate: int, amplitude: Callable[[Array], Array]) -> Array:
    """Return the `amplitude` (of the frequency in Hz) of each entry of `fourier.frequencies`, in float32."""
    lowest = rate / size
    weights = amplitude(np.maximum(np.arange(size // 2 + 1) * lowest, lowest)).astype(np.float32)
    weights[0] = 0
    return np.asarray(weights[_cycles(size)])


_remembered = functools.lru_cache(maxsize=4)(_weights)


@functools.lru_cache(maxsize=4)
def _cycles(size: int) -> NDArray[np.int64]:
    """Return the cycles of each entry of a spectrum, counted from either end."""
    cycles = fourier.frequencies(size)
    return np.minimum(cycles, size - cycles)


def _unit(x: Array) -> Array:
    return (x / np.sqrt(power(x)) if x.size else x).astype(np.float32)
