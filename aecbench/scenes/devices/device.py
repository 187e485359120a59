"""What a stage of a device is, and the filters that stages share."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from aecbench.scenes.loudspeaker.model import Range
from aecbench.signals import Array

__all__ = ["Device", "Filter", "band_pass", "filtered", "high_pass", "low_pass"]

Filter = tuple[list[float], list[float]]  # numerator and denominator in z^-1


@dataclass(frozen=True, slots=True)
class Device:
    """A stage: fn(x, rate, **parameters) turns x [..., T], in units of full scale, into a signal of the same shape."""

    fn: Callable[..., Array]
    parameters: Mapping[str, Range]
    source: str


def filtered(coefficients: Filter, x: Array) -> Array:
    """The signal x [..., T] through a recursive filter, computed in float64; same type as x."""
    return np.asarray(lfilter(*coefficients, x.astype(np.float64), axis=-1), x.dtype)


def high_pass(frequency: float, q: float, rate: int) -> Filter:
    """Second-order high-pass with a resonance: s^2 / (s^2 + s / Q + 1) at `frequency` Hz, where its gain is Q."""
    _, a = _denominator(frequency, q, rate)
    return [1 / a[0], -2 / a[0], 1 / a[0]], [1.0, a[1] / a[0], a[2] / a[0]]


def band_pass(frequency: float, q: float, rate: int) -> Filter:
    """Second-order band-pass: (s / Q) / (s^2 + s / Q + 1) at `frequency` Hz, where its gain is 1."""
    k, a = _denominator(frequency, q, rate)
    return [k / q / a[0], 0.0, -k / q / a[0]], [1.0, a[1] / a[0], a[2] / a[0]]


def low_pass(frequency: float, q: float, rate: int) -> Filter:
    """Second-order low-pass: 1 / (s^2 + s / Q + 1) at `frequency` Hz, where its gain is Q."""
    k, a = _denominator(frequency, q, rate)
    return [k * k / a[0], 2 * k * k / a[0], k * k / a[0]], [1.0, a[1] / a[0], a[2] / a[0]]


def _denominator(frequency: float, q: float, rate: int) -> tuple[float, list[float]]:
    """Bilinear transform s = (1 - 1/z) / (1 + 1/z) / k of s^2 + s / Q + 1, with k = tan(pi f / rate)."""
    k = math.tan(math.pi * frequency / rate)
    return k, [1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k]
