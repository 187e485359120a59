"""Recursive filters, in float64 and in one order of operations.

Sections are the bilinear transforms of analogue filters, with the frequency that is named in place of the one that the
transform would warp it to (R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients").
"""

from collections.abc import Sequence

import numpy as np

from aecbench.dsp.compile import compiled
from aecbench.dsp.elementary import PI, sin, tan
from aecbench.signals import Array

__all__ = [
    "Section",
    "band_pass",
    "butterworth_high_pass",
    "filtered",
    "high_pass",
    "high_shelf",
    "inverse_shelf",
    "low_pass",
    "shelf",
]

Section = tuple[list[float], list[float]]  # numerator and denominator in z^-1, up to z^-2


def filtered(sections: Sequence[Section], x: Array) -> Array:
    """The signal x [..., T] through `sections`, one after the other, from rest: same shape and type.

    >>> filtered([([1.0], [1.0, -0.5])], np.array([1.0, 0.0, 0.0])).tolist()
    [1.0, 0.5, 0.25]
    """
    coefficients = np.zeros((len(sections), 2, 3))
    for row, (numerator, denominator) in zip(coefficients, sections, strict=True):
        row[0, : len(numerator)], row[1, : len(denominator)] = numerator, denominator
    y = x.astype(np.float64)
    for i in np.ndindex(x.shape[:-1]):
        _filter(y[i], coefficients)
    return y.astype(x.dtype, copy=False)


def high_pass(frequency: float, q: float, rate: int) -> Section:
    """Second-order high-pass with a resonance: s^2 / (s^2 + s / Q + 1) at `frequency` Hz, where its gain is Q."""
    _, a = _denominator(frequency, q, rate)
    return [1 / a[0], -2 / a[0], 1 / a[0]], [1.0, a[1] / a[0], a[2] / a[0]]


def band_pass(frequency: float, q: float, rate: int) -> Section:
    """Second-order band-pass: (s / Q) / (s^2 + s / Q + 1) at `frequency` Hz, where its gain is 1."""
    k, a = _denominator(frequency, q, rate)
    return [k / q / a[0], 0.0, -k / q / a[0]], [1.0, a[1] / a[0], a[2] / a[0]]


def low_pass(frequency: float, q: float, rate: int) -> Section:
    """Second-order low-pass: 1 / (s^2 + s / Q + 1) at `frequency` Hz, where its gain is Q."""
    k, a = _denominator(frequency, q, rate)
    return [k * k / a[0], 2 * k * k / a[0], k * k / a[0]], [1.0, a[1] / a[0], a[2] / a[0]]


def shelf(frequency: float, gain: float, rate: int) -> Section:
    """First-order low shelf (s + g) / (s + 1) at `frequency` Hz: gain g at DC, 1 at Nyquist."""
    k = _warped(frequency, rate)
    return [(1 + gain * k) / (1 + k), (gain * k - 1) / (1 + k)], [1.0, (k - 1) / (1 + k)]


def high_shelf(frequency: float, gain: float, rate: int) -> Section:
    """First-order high shelf (g s + 1) / (s + 1) at `frequency` Hz: gain 1 at DC, g at Nyquist."""
    numerator, denominator = shelf(frequency, 1 / gain, rate)
    return [gain * b for b in numerator], denominator


def inverse_shelf(frequency: float, gain: float, rate: int) -> Section:
    """The inverse of `shelf`."""
    k = _warped(frequency, rate)
    return [(1 + k) / (1 + gain * k), (k - 1) / (1 + gain * k)], [1.0, (gain * k - 1) / (1 + gain * k)]


def butterworth_high_pass(order: int, frequency: float, rate: int) -> list[Section]:
    """Sections of a Butterworth high-pass of an even order: -3 dB at `frequency` Hz.

    Pairs of poles at the angles (2 k + 1) pi / (2 order) from the imaginary axis have Q = 1 / (2 sin(angle)).
    """
    angles = [(2 * k + 1) * PI / (2 * order) for k in range(order // 2)]
    return [high_pass(frequency, 0.5 / float(sin(angle)), rate) for angle in angles]


def _denominator(frequency: float, q: float, rate: int) -> tuple[float, list[float]]:
    """Bilinear transform s = (1 - 1/z) / (1 + 1/z) / k of s^2 + s / Q + 1, with k = tan(pi f / rate)."""
    k = _warped(frequency, rate)
    return k, [1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k]


def _warped(frequency: float, rate: int) -> float:
    return float(tan(PI * frequency / rate))


@compiled
def _filter(x: Array, coefficients: Array) -> None:
    """Direct form II, transposed, in place."""
    for section in range(coefficients.shape[0]):
        b0, b1, b2 = coefficients[section, 0]
        _, a1, a2 = coefficients[section, 1]
        first = second = 0.0
        for n in range(x.size):
            out = b0 * x[n] + first
            first = b1 * x[n] - a1 * out + second
            second = b2 * x[n] - a2 * out
            x[n] = out
