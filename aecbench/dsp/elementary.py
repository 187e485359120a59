"""Elementary functions with the same bits on every processor.

The C library, NumPy and SciPy each have several implementations of exp, sin or tanh and select one by the processor's
vector extensions. Their last bits differ, and so would a corpus made with them. The functions here only use additions,
multiplications, divisions and square roots of float64 in a fixed order, which IEEE 754 defines to the last bit, and
numba must not re-associate or fuse them. Errors are at most a few units in the last place of the result (of 1 for
`tanh` and `erf` near their limits).

Every function takes a number or an array and returns float64; functions whose name begins with `scalar` are for
compiled code. `tests/test_portable.py` checks that nothing that determines a corpus uses other implementations.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from aecbench.dsp.compile import compiled, inlined
from aecbench.signals import Array

__all__ = [
    "PI",
    "arctan",
    "cos",
    "decibels",
    "erf",
    "exp",
    "from_decibels",
    "log",
    "log10",
    "power",
    "scalar_log",
    "scalar_sincos",
    "sin",
    "tan",
    "tanh",
]

PI = 3.141592653589793
LN2 = (0.6931471803691238, 1.9082149292705877e-10)  # first 32 bits, and the rest
HALF_PI = (1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21)  # 33 bits, 33 bits, and the rest
LN10 = 2.302585092994046
OVERFLOW, UNDERFLOW = 709.782712893384, -708.3964185322641
SMALLEST_NORMAL, SQRT_HALF = 2.0**-1022, 0.7071067811865476
TWO_54, TWO_54_LOG = 2.0**54, 37.42994775023705  # brings subnormal numbers into the normal range
FRACTION, HALF = (1 << 52) - 1, 1022 << 52  # bits of a float64: its fraction, and the exponent of 0.5
ERFCX = np.array((
    1.2375126308378275, -0.14024059858554525, 0.0035854154854790257, 0.08227673848999506, -0.10880393014244462,
    0.09230432116428125, -0.05869339857664934, 0.02836227737211114, -0.009746579683265262,
    0.0017556261651970652, 0.000293714378044958, -0.00029015535246077655, 5.164652974177416e-05,
    2.2387565714911816e-05, -1.1438048033346894e-05, -9.792625707303523e-07, 1.7419821586224816e-06,
    -5.084465378687302e-08, -2.4857126248016745e-07, 1.879082322370048e-08, 3.197926671666804e-08,
    -1.9551358868985616e-09, -2.623107347133476e-09,
))  # fmt: skip
"""Coefficients of (1 + 2 x) exp(x^2) erfc(x) as a polynomial in (x - CENTRE) / (x + CENTRE)."""
CENTRE, DEGREE = 3.75, 22


def elementwise(loop: Callable[[Array, Array], None]) -> Callable[[ArrayLike], Any]:
    """Return a function of a number or an array of a compiled loop over x and y, two flat arrays of float64.

    A NumPy ufunc of numba's would do the same, but numba compiles a part of it again in every process.
    """
    fill = compiled(loop)

    @functools.wraps(loop)
    def function(x: ArrayLike) -> Any:
        values = np.ascontiguousarray(x, np.float64)
        result = np.empty_like(values)
        fill(values.ravel(), result.ravel())
        return result.reshape(np.shape(x))[()]

    return function


@inlined
def _two_to(n: np.int64) -> float:
    """Return 2^n for n from -1022 to 1023, by setting the exponent of a float64."""
    return np.int64((n + 1023) << 52).view(np.float64)


@inlined
def _reduced(x: float) -> tuple[np.int64, float]:
    """Return n and exp(r) - 1 such that exp(x) = 2^n exp(r) with |r| <= ln 2 / 2; by a Taylor series."""
    n = math.floor(x * (1 / (LN2[0] + LN2[1])) + 0.5)
    r = (x - n * LN2[0]) - n * LN2[1]
    series = 1 + r / 14
    for k in range(13, 1, -1):
        series = 1 + r * series * (1 / k)
    return np.int64(n), r * series


@inlined
def _exp(x: float) -> float:
    """Return exp(x); x is limited to the range from UNDERFLOW to OVERFLOW."""
    n, excess = _reduced(min(max(x, UNDERFLOW), OVERFLOW))
    half = n >> 1  # in two factors, because 2^1024 is beyond float64
    return (1 + excess) * _two_to(half) * _two_to(n - half)


@inlined
def scalar_log(x: float) -> float:
    """Return log(x) = e ln 2 + 2 artanh((m - 1) / (m + 1)) for a normal x = 2^e m, with m from sqrt(1/2) to sqrt(2)."""
    bits = np.float64(x).view(np.int64)
    e = (bits >> 52) - 1022
    m = np.int64(bits & FRACTION | HALF).view(np.float64)
    low = m < SQRT_HALF
    m, e = (2 * m if low else m), (e - 1 if low else e)
    s = (m - 1) / (m + 1)
    square = s * s
    series = 1 / 23
    for k in range(21, 0, -2):
        series = series * square + 1 / k
    return e * LN2[0] + (2 * s * series + e * LN2[1])


@inlined
def _log_any(x: float) -> float:
    """Return log(x) for any x, with -inf for 0 and NaN for negative numbers."""
    subnormal = x < SMALLEST_NORMAL
    value = scalar_log(x * TWO_54 if subnormal else x) - (TWO_54_LOG if subnormal else 0.0)
    value = value if x < np.inf else x
    value = value if x != 0 else -np.inf
    return value if x >= 0 else np.nan


@inlined
def scalar_sincos(x: float) -> tuple[float, float]:
    """Return sine and cosine of x = n pi / 2 + r with |r| <= pi / 4, by their Taylor series in r."""
    n = math.floor(x * (2 / PI) + 0.5)
    r = ((x - n * HALF_PI[0]) - n * HALF_PI[1]) - n * HALF_PI[2]
    square = r * r
    s = c = 1.0
    for k in range(18, 0, -2):
        s = 1 - s * square * (1 / (k * (k + 1)))
        c = 1 - c * square * (1 / (k * (k - 1)))
    s *= r
    quadrant = np.int64(n) & 3
    sine, cosine = (c, s) if quadrant & 1 else (s, c)
    return -sine if quadrant & 2 else sine, -cosine if (quadrant + 1) & 2 else cosine


@inlined
def _tanh(x: float) -> float:
    """Return tanh(x), as sign(x) e / (e + 2) with e = exp(2 |x|) - 1."""
    n, excess = _reduced(2 * min(abs(x), 20.0))
    e = _two_to(n) * excess + (_two_to(n) - 1)
    t = e / (e + 2)
    return math.copysign(t, x)


@inlined
def _arctan(x: float) -> float:
    """Return arctan(x), as pi / 2 - arctan(1 / x) for x > 1; the angle is halved twice before the power series."""
    large = abs(x) > 1
    y = min(abs(x), 1.0) / max(abs(x), 1.0)
    y = y / (1 + math.sqrt(1 + y * y))
    y = y / (1 + math.sqrt(1 + y * y))
    square = y * y
    series = 1 / 25
    for k in range(23, 0, -2):
        series = 1 / k - square * series
    angle = PI / 2 - 4 * y * series if large else 4 * y * series
    return math.copysign(angle, x)


@elementwise
def exp(x: Array, y: Array) -> None:
    """Return the exponential function."""
    for i in range(x.size):
        value = _exp(x[i])
        value = 0.0 if x[i] < UNDERFLOW else value
        value = np.inf if x[i] > OVERFLOW else value
        y[i] = value if x[i] == x[i] else x[i]


@elementwise
def log(x: Array, y: Array) -> None:
    """Return the natural logarithm; -inf for 0, NaN for negative numbers."""
    for i in range(x.size):
        y[i] = _log_any(x[i])


def log10(x: ArrayLike) -> Any:
    """Return the logarithm to base 10; -inf for 0, NaN for negative numbers."""
    return log(x) / LN10


def decibels(x: ArrayLike) -> Any:
    """Return 10 log10 of a ratio of powers; -inf for 0, NaN for negative numbers."""
    return log(x) * (10 / LN10)


def from_decibels(x: ArrayLike) -> Any:
    """Return the amplitude ratio 10^(x / 20) of a level x from -6000 to 6000 dB."""
    return exp(np.asarray(x, np.float64) * (LN10 / 20))


@compiled
def _fill_sincos(x: Array, sine: Array, cosine: Array) -> None:
    for i in range(x.size):
        sine[i], cosine[i] = scalar_sincos(x[i])


def _sincos(x: ArrayLike) -> tuple[Any, Any]:
    values = np.ascontiguousarray(x, np.float64)
    sine, cosine = np.empty_like(values), np.empty_like(values)
    _fill_sincos(values.ravel(), sine.ravel(), cosine.ravel())
    return sine.reshape(np.shape(x))[()], cosine.reshape(np.shape(x))[()]


def sin(x: ArrayLike) -> Any:
    """Return the sine of x [rad], |x| up to 10^6."""
    return _sincos(x)[0]


def cos(x: ArrayLike) -> Any:
    """Return the cosine of x [rad], |x| up to 10^6."""
    return _sincos(x)[1]


def tan(x: ArrayLike) -> Any:
    """Return the tangent of x [rad], |x| up to 10^6."""
    sine, cosine = _sincos(x)
    return sine / cosine


@elementwise
def tanh(x: Array, y: Array) -> None:
    """Return the hyperbolic tangent."""
    for i in range(x.size):
        y[i] = _tanh(x[i])


@elementwise
def arctan(x: Array, y: Array) -> None:
    """Return the arc tangent, from -pi / 2 to pi / 2."""
    for i in range(x.size):
        y[i] = _arctan(x[i])


@elementwise
def _erfcx(x: Array, y: Array) -> None:
    """Return exp(x^2) erfc(x) for x >= 0."""
    for i in range(x.size):
        t = (x[i] - CENTRE) / (x[i] + CENTRE)
        series = 0.0
        for k in range(DEGREE, -1, -1):
            series = series * t + ERFCX[k]
        y[i] = series / (1 + 2 * x[i])


def erf(x: ArrayLike) -> Any:
    """Return the error function, with an absolute error below 1e-15."""
    y = np.minimum(np.abs(np.asarray(x, np.float64)), 6.5)
    return np.copysign(1 - exp(-y * y) * _erfcx(y), x)


def power(x: Any, y: float) -> Any:
    """Return x^y for x >= 0 and y > 0; squares and square roots are correctly rounded."""
    if y == 2:
        return np.square(x, dtype=np.float64)
    if y == 0.5:
        return np.sqrt(x, dtype=np.float64)
    return exp(y * log(x))
