"""Recursive filters, in float64 and in a fixed order of operations.

Sections are bilinear transforms of analogue filters, prewarped to be exact at the given frequency (R. Bristow-Johnson,
"Cookbook formulae for audio EQ biquad filter coefficients").
"""

from collections.abc import Sequence

import numpy as np

from aecbench.dsp.compile import compiled, inlined
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
    """Return the signal x [..., T] filtered by `sections`, one after the other, from zero state: same shape and type.

    >>> filtered([([1.0], [1.0, -0.5])], np.array([1.0, 0.0, 0.0])).tolist()
    [1.0, 0.5, 0.25]
    """
    coefficients = np.zeros((len(sections) + len(sections) % 2, 2, 3))
    coefficients[:, :, 0] = 1.0  # if need be, a section with gain 1 makes their number even
    for row, (numerator, denominator) in zip(coefficients, sections, strict=False):
        row[0, : len(numerator)], row[1, : len(denominator)] = numerator, denominator
    y = x.astype(np.float64, order="C")
    if x.size == x.shape[-1]:
        _filter(y.ravel(), coefficients)
    elif y.size:
        _filter_together(y.reshape(-1, x.shape[-1]), coefficients)
    return y.astype(x.dtype, copy=False)


def high_pass(frequency: float, q: float, rate: int) -> Section:
    """Return a second-order high-pass: s^2 / (s^2 + s / Q + 1) at `frequency` Hz, where its gain is Q."""
    _, a = _denominator(frequency, q, rate)
    return [1 / a[0], -2 / a[0], 1 / a[0]], [1.0, a[1] / a[0], a[2] / a[0]]


def band_pass(frequency: float, q: float, rate: int) -> Section:
    """Return a second-order band-pass: (s / Q) / (s^2 + s / Q + 1) at `frequency` Hz, where its gain is 1."""
    k, a = _denominator(frequency, q, rate)
    return [k / q / a[0], 0.0, -k / q / a[0]], [1.0, a[1] / a[0], a[2] / a[0]]


def low_pass(frequency: float, q: float, rate: int) -> Section:
    """Return a second-order low-pass: 1 / (s^2 + s / Q + 1) at `frequency` Hz, where its gain is Q."""
    k, a = _denominator(frequency, q, rate)
    return [k * k / a[0], 2 * k * k / a[0], k * k / a[0]], [1.0, a[1] / a[0], a[2] / a[0]]


def shelf(frequency: float, gain: float, rate: int) -> Section:
    """Return a first-order low shelf (s + g) / (s + 1) at `frequency` Hz: gain g at DC, 1 at Nyquist."""
    k = _warped(frequency, rate)
    return [(1 + gain * k) / (1 + k), (gain * k - 1) / (1 + k)], [1.0, (k - 1) / (1 + k)]


def high_shelf(frequency: float, gain: float, rate: int) -> Section:
    """Return a first-order high shelf (g s + 1) / (s + 1) at `frequency` Hz: gain 1 at DC, g at Nyquist."""
    numerator, denominator = shelf(frequency, 1 / gain, rate)
    return [gain * b for b in numerator], denominator


def inverse_shelf(frequency: float, gain: float, rate: int) -> Section:
    """Return the inverse of `shelf`."""
    k = _warped(frequency, rate)
    return [(1 + k) / (1 + gain * k), (k - 1) / (1 + gain * k)], [1.0, (gain * k - 1) / (1 + gain * k)]


def butterworth_high_pass(order: int, frequency: float, rate: int) -> list[Section]:
    """Return the sections of a Butterworth high-pass of even order: -3 dB at `frequency` Hz.

    Pole pairs at the angles (2 k + 1) pi / (2 order) from the imaginary axis have Q = 1 / (2 sin(angle)).
    """
    angles = [(2 * k + 1) * PI / (2 * order) for k in range(order // 2)]
    return [high_pass(frequency, 0.5 / float(sin(angle)), rate) for angle in angles]


def _denominator(frequency: float, q: float, rate: int) -> tuple[float, list[float]]:
    """Return k and the bilinear transform s = (1 - 1/z) / (1 + 1/z) / k of s^2 + s / Q + 1: k = tan(pi f / rate)."""
    k = _warped(frequency, rate)
    return k, [1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k]


def _warped(frequency: float, rate: int) -> float:
    return float(tan(PI * frequency / rate))


@compiled
def _filter(x: Array, coefficients: Array) -> None:
    """Filter in place, in transposed direct form II; two sections at once, because one alone waits for its results."""
    for k in range(0, coefficients.shape[0], 2):
        one, other = _five(coefficients[k]), _five(coefficients[k + 1])
        a = b = c = d = 0.0
        for n in range(x.size):
            between, a, b = _step(x[n], one, a, b)
            x[n], c, d = _step(between, other, c, d)


@compiled
def _filter_together(rows: Array, coefficients: Array) -> None:
    """Do the same for several signals [R, T], so that a processor can work on one while another waits."""
    for k in range(0, coefficients.shape[0], 2):
        one, other = _five(coefficients[k]), _five(coefficients[k + 1])
        state = np.zeros((4, rows.shape[0]))
        a, b, c, d = state[0], state[1], state[2], state[3]
        for n in range(rows.shape[1]):
            for r in range(rows.shape[0]):
                between, a[r], b[r] = _step(rows[r, n], one, a[r], b[r])
                rows[r, n], c[r], d[r] = _step(between, other, c[r], d[r])


@inlined
def _five(section: Array) -> tuple[float, float, float, float, float]:
    """Return b0, b1, b2, a1, a2 of a section."""
    return section[0, 0], section[0, 1], section[0, 2], section[1, 1], section[1, 2]


@inlined
def _step(
    x: float, section: tuple[float, float, float, float, float], first: float, second: float
) -> tuple[float, float, float]:
    """Return the output for a sample x, and the two state variables after it."""
    b0, b1, b2, a1, a2 = section
    out = b0 * x + first
    return out, b1 * x - a1 * out + second, b2 * x - a2 * out
