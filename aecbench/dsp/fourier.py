"""The fast Fourier transform, with the same bits on every processor.

D. H. Bailey, "FFTs in external or hierarchical memory", Journal of Supercomputing 4, 1990 (four steps). A signal of
N = N1 N2 samples is a matrix [N1, N2]: its columns are transformed, every entry is multiplied with its twiddle factor,
the matrix is transposed, and its columns are transformed again. Butterflies are of radix 4, and the first one of radix
2 where the number of rows is not a power of 4. They work in place, which leaves frequencies in the order that
`frequencies` returns; convolution does not need another one, because `inverse` reads what `forward` leaves.

A matrix is stored as [columns / WIDTH, rows, 2 WIDTH]: WIDTH real parts beside their WIDTH imaginary parts. The
innermost loop of every step runs over the WIDTH, so that compilers use vectors of any length without changing the order
of a single operation.
"""

from functools import cache
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from aecbench.dsp.elementary import PI, cos, sin
from aecbench.signals import Array

__all__ = ["SHORTEST", "forward", "frequencies", "inverse", "multiplied"]

WIDTH = 64
SHORTEST = WIDTH**2  # samples
ODD_POWERS = 0xAAAAAAAA  # 2, 8, 32, ...: numbers of rows that take one butterfly of radix 2

compiled: Any = numba.njit(cache=True, nogil=True, error_model="numpy")


def forward(real: Array, imaginary: Array) -> Array:
    """The spectrum of a complex signal: two float32 [N] -> float32 [N2 / WIDTH, N1, 2 WIDTH].

    N is a power of two, SHORTEST or longer. Along the last axis, WIDTH real parts come before their imaginary parts.
    """
    first, turn, second = _plan(real.size)
    spectrum = np.empty((first.shape[1] // WIDTH, second.shape[1], 2 * WIDTH), np.float32)
    _forward(real, imaginary, spectrum, first, turn, second)
    return spectrum


def inverse(spectrum: Array) -> tuple[Array, Array]:
    """The signal of a spectrum, times its length N: real and imaginary part, float32 [N] each. Uses `spectrum` up."""
    length = spectrum.size // 2
    real, imaginary = np.empty(length, np.float32), np.empty(length, np.float32)
    _inverse(spectrum, real, imaginary, *_plan(length))
    return real, imaginary


@cache
def frequencies(length: int) -> NDArray[np.int64]:
    """The frequency of each entry of a spectrum, 0 to N - 1 cycles per `length` = N samples: [N2 / WIDTH, N1, WIDTH].

    >>> sorted(frequencies(SHORTEST).ravel().tolist()) == list(range(SHORTEST))
    True
    """
    first, _, second = _plan(length)
    rows, columns = first.shape[1], second.shape[1]
    order = _order(columns)[:, None] * rows + _order(rows)  # [columns, rows]: the matrix was transposed
    return order.reshape(columns, rows // WIDTH, WIDTH).swapaxes(0, 1)


@compiled
def multiplied(a: Array, b: Array) -> Array:
    """The product of two spectra."""
    product = np.empty_like(a)
    for strip in range(a.shape[0]):
        for row in range(a.shape[1]):
            x, y, z = a[strip, row], b[strip, row], product[strip, row]
            for k in range(WIDTH):
                z[k] = x[k] * y[k] - x[k + WIDTH] * y[k + WIDTH]
                z[k + WIDTH] = x[k] * y[k + WIDTH] + x[k + WIDTH] * y[k]
    return product


@cache
def _plan(length: int) -> tuple[Array, Array, Array]:
    """Twiddle factors: of N1 points [2, N1], between the two transforms [N2 / WIDTH, N1, 2 WIDTH], of N2 points."""
    rows = 2 ** ((length.bit_length() - 1) // 2)
    columns = length // rows
    phases = np.multiply.outer(_order(rows), np.arange(columns))
    turn = _twiddles(phases, length).reshape(2, rows, columns // WIDTH, WIDTH).transpose(2, 1, 0, 3)
    turn = turn.reshape(columns // WIDTH, rows, 2 * WIDTH)
    return _twiddles(np.arange(rows), rows), np.ascontiguousarray(turn), _twiddles(np.arange(columns), columns)


def _twiddles(steps: NDArray[np.int64], length: int) -> Array:
    """exp(-2 pi i steps / length): [2, ...], real and imaginary part."""
    angle = 2 * PI * (steps % length) / length
    return np.stack([cos(angle), -sin(angle)]).astype(np.float32)


def _order(length: int) -> NDArray[np.int64]:
    """The frequency of each row after `_columns`: a butterfly of radix r leaves every r-th together."""
    if length == 1:
        return np.zeros(1, np.int64)
    radix = 2 if length & ODD_POWERS else 4
    return np.concatenate([radix * _order(length // radix) + k for k in range(radix)])


@compiled
def _forward(real: Array, imaginary: Array, spectrum: Array, first: Array, turn: Array, second: Array) -> None:
    rows, columns = first.shape[1], second.shape[1]
    matrix = np.empty(turn.shape, np.float32)
    for strip in range(columns // WIDTH):
        for row in range(rows):
            start = row * columns + strip * WIDTH
            for k in range(WIDTH):
                matrix[strip, row, k] = real[start + k]
                matrix[strip, row, k + WIDTH] = imaginary[start + k]
        _columns(matrix[strip], first)
        for row in range(rows):
            _turn(matrix[strip, row], turn[strip, row], np.float32(1))
    _transpose(matrix, spectrum)
    for strip in range(rows // WIDTH):
        _columns(spectrum[strip], second)


@compiled
def _inverse(spectrum: Array, real: Array, imaginary: Array, first: Array, turn: Array, second: Array) -> None:
    rows, columns = first.shape[1], second.shape[1]
    matrix = np.empty(turn.shape, np.float32)
    for strip in range(rows // WIDTH):
        _columns_back(spectrum[strip], second)
    _transpose(spectrum, matrix)
    for strip in range(columns // WIDTH):
        for row in range(rows):
            _turn(matrix[strip, row], turn[strip, row], np.float32(-1))
        _columns_back(matrix[strip], first)
        for row in range(rows):
            start = row * columns + strip * WIDTH
            for k in range(WIDTH):
                real[start + k] = matrix[strip, row, k]
                imaginary[start + k] = matrix[strip, row, k + WIDTH]


@compiled
def _turn(x: Array, twiddle: Array, sign: float) -> None:
    """The product of [2 WIDTH] numbers and twiddle factors, or their conjugates where `sign` is -1."""
    for k in range(WIDTH):
        c, s = twiddle[k], sign * twiddle[k + WIDTH]
        x[k], x[k + WIDTH] = x[k] * c - x[k + WIDTH] * s, x[k] * s + x[k + WIDTH] * c


@compiled
def _transpose(x: Array, y: Array) -> None:
    """Rows of the matrix x to columns of the matrix y, by blocks of [WIDTH, WIDTH] entries."""
    for strip in range(x.shape[0]):
        for block in range(y.shape[0]):
            for part in (0, WIDTH):
                for k in range(WIDTH):
                    for n in range(WIDTH):
                        y[block, strip * WIDTH + k, part + n] = x[strip, block * WIDTH + n, part + k]


@compiled
def _columns(x: Array, twiddles: Array) -> None:
    """Transform the columns of [rows, 2 WIDTH], by decimation in frequency."""
    rows = size = x.shape[0]
    if rows & ODD_POWERS:
        size //= 2
        for j in range(size):
            _two(x[j], x[j + size], twiddles[0, j], twiddles[1, j])
    while size > 1:
        step, quarter = rows // size, size // 4
        for group in range(0, rows, size):
            for j in range(quarter):
                a, b, c, d = group + j, group + j + quarter, group + j + 2 * quarter, group + j + 3 * quarter
                _four(x[a], x[b], x[c], x[d], twiddles, j * step)
        size = quarter


@compiled
def _columns_back(x: Array, twiddles: Array) -> None:
    """Undo `_columns`, but for a factor: its steps in reverse, which is decimation in time."""
    rows, size = x.shape[0], 4
    while size <= rows:
        step, quarter = rows // size, size // 4
        for group in range(0, rows, size):
            for j in range(quarter):
                a, b, c, d = group + j, group + j + quarter, group + j + 2 * quarter, group + j + 3 * quarter
                _four_back(x[a], x[b], x[c], x[d], twiddles, j * step)
        size *= 4
    if rows & ODD_POWERS:
        for j in range(rows // 2):
            _two_back(x[j], x[j + rows // 2], twiddles[0, j], twiddles[1, j])


@compiled
def _two(a: Array, b: Array, cosine: float, sine: float) -> None:
    for k in range(WIDTH):
        real, imaginary = a[k] - b[k], a[k + WIDTH] - b[k + WIDTH]
        a[k] += b[k]
        a[k + WIDTH] += b[k + WIDTH]
        b[k], b[k + WIDTH] = real * cosine - imaginary * sine, real * sine + imaginary * cosine


@compiled
def _two_back(a: Array, b: Array, cosine: float, sine: float) -> None:
    for k in range(WIDTH):
        real, imaginary = b[k] * cosine + b[k + WIDTH] * sine, b[k + WIDTH] * cosine - b[k] * sine
        b[k], b[k + WIDTH] = a[k] - real, a[k + WIDTH] - imaginary
        a[k] += real
        a[k + WIDTH] += imaginary


@compiled
def _four(a: Array, b: Array, c: Array, d: Array, twiddles: Array, turn: int) -> None:
    c1, s1 = twiddles[0, turn], twiddles[1, turn]
    c2, s2 = twiddles[0, 2 * turn], twiddles[1, 2 * turn]
    c3, s3 = twiddles[0, 3 * turn], twiddles[1, 3 * turn]
    for k in range(WIDTH):
        p, q = a[k] + c[k], a[k + WIDTH] + c[k + WIDTH]
        u, v = a[k] - c[k], a[k + WIDTH] - c[k + WIDTH]
        r, t = b[k] + d[k], b[k + WIDTH] + d[k + WIDTH]
        w, z = b[k + WIDTH] - d[k + WIDTH], d[k] - b[k]  # -i times the difference of b and d
        a[k], a[k + WIDTH] = p + r, q + t
        b[k], b[k + WIDTH] = (u + w) * c1 - (v + z) * s1, (u + w) * s1 + (v + z) * c1
        c[k], c[k + WIDTH] = (p - r) * c2 - (q - t) * s2, (p - r) * s2 + (q - t) * c2
        d[k], d[k + WIDTH] = (u - w) * c3 - (v - z) * s3, (u - w) * s3 + (v - z) * c3


@compiled
def _four_back(a: Array, b: Array, c: Array, d: Array, twiddles: Array, turn: int) -> None:
    c1, s1 = twiddles[0, turn], twiddles[1, turn]
    c2, s2 = twiddles[0, 2 * turn], twiddles[1, 2 * turn]
    c3, s3 = twiddles[0, 3 * turn], twiddles[1, 3 * turn]
    for k in range(WIDTH):
        e, f = b[k] * c1 + b[k + WIDTH] * s1, b[k + WIDTH] * c1 - b[k] * s1
        g, h = c[k] * c2 + c[k + WIDTH] * s2, c[k + WIDTH] * c2 - c[k] * s2
        m, n = d[k] * c3 + d[k + WIDTH] * s3, d[k + WIDTH] * c3 - d[k] * s3
        p, q, u, v = a[k] + g, a[k + WIDTH] + h, a[k] - g, a[k + WIDTH] - h
        r, t, w, z = e + m, f + n, n - f, e - m  # w + i z is i times the difference of b and d
        a[k], a[k + WIDTH] = p + r, q + t
        b[k], b[k + WIDTH] = u + w, v + z
        c[k], c[k + WIDTH] = p - r, q - t
        d[k], d[k + WIDTH] = u - w, v - z
