"""The fast Fourier transform, with the same bits on every processor.

D. H. Bailey, "FFTs in external or hierarchical memory", Journal of Supercomputing 4, 1990: the four-step algorithm. A
signal of N = N1 N2 samples is arranged as a matrix [N1, N2]. Its columns are transformed, every entry is multiplied by
its twiddle factor, the matrix is transposed, and its columns are transformed again. Butterflies have radix 4, and the
first one has radix 2 if the number of rows is not a power of 4. They work in place, so the frequencies end up in the
order that `frequencies` returns. Convolution does not need another order, because `inverse` expects the same one.

A matrix is stored as [columns / WIDTH, rows, 2 WIDTH]: WIDTH real parts followed by their WIDTH imaginary parts. The
innermost loop of every step runs over these WIDTH entries, so compilers can use vectors of any length without changing
the order of operations. Functions take a matrix and the numbers of its rows, because the references to a slice are
counted by atomic operations, and slices of four rows would take as much time as their butterfly.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from aecbench.dsp.compile import compiled
from aecbench.dsp.elementary import PI, cos, sin
from aecbench.signals import Array

__all__ = [
    "SHORTEST",
    "add_product",
    "empty_spectrum",
    "forward",
    "frequencies",
    "inverse",
    "transform",
    "transform_back",
    "twiddles",
]

WIDTH = 64
SHORTEST = WIDTH**2  # samples
ODD_POWERS = 0xAAAAAAAA  # 2, 8, 32, ...: numbers of rows that take one butterfly of radix 2


def forward(real: Array, imaginary: Array) -> Array:
    """Return the spectrum of a complex signal: two float32 [N] -> float32 [N2 / WIDTH, N1, 2 WIDTH].

    N is a power of two, at least SHORTEST. Along the last axis, WIDTH real parts precede their imaginary parts.
    """
    factors = twiddles(real.size)
    spectrum = empty_spectrum(real.size)
    transform(real, imaginary, spectrum, *factors)
    return spectrum


def inverse(spectrum: Array) -> tuple[Array, Array]:
    """Return the signal of a spectrum, times its length N, as real and imaginary part, float32 [N] each.

    Overwrites `spectrum`.
    """
    length = spectrum.size // 2
    real, imaginary = np.empty(length, np.float32), np.empty(length, np.float32)
    transform_back(spectrum, real, imaginary, *twiddles(length))
    return real, imaginary


def empty_spectrum(length: int, *batch: int) -> Array:
    """Allocate spectra for signals of this length: float32 [*batch, N2 / WIDTH, N1, 2 WIDTH]."""
    first, _, second = twiddles(length)
    return np.empty((*batch, first.shape[1] // WIDTH, second.shape[1], 2 * WIDTH), np.float32)


@cache
def frequencies(length: int) -> NDArray[np.int64]:
    """Return the frequency of each entry of a spectrum, 0 to N - 1 cycles per N samples: [N2 / WIDTH, N1, WIDTH].

    >>> sorted(frequencies(SHORTEST).ravel().tolist()) == list(range(SHORTEST))
    True
    """
    first, _, second = twiddles(length)
    rows, columns = first.shape[1], second.shape[1]
    order = _order(columns)[:, None] * rows + _order(rows)  # [columns, rows]: the matrix was transposed
    return np.asarray(order.reshape(columns, rows // WIDTH, WIDTH).swapaxes(0, 1))


@cache
def twiddles(length: int) -> tuple[Array, Array, Array]:
    """Return the twiddle factors of N1 points [2, N1], between both transforms [N2 / WIDTH, N1, 2 WIDTH], of N2 points.

    The last ones are [2, N2].
    """
    rows = 1 << (length.bit_length() - 1) // 2
    columns = length // rows
    phases = np.multiply.outer(_order(rows), np.arange(columns))
    between = _turns(phases, length).reshape(2, rows, columns // WIDTH, WIDTH).transpose(2, 1, 0, 3)
    turn = np.ascontiguousarray(between).reshape(columns // WIDTH, rows, 2 * WIDTH)
    return _turns(np.arange(rows), rows), turn, _turns(np.arange(columns), columns)


def _turns(steps: NDArray[np.int64], length: int) -> Array:
    """Return exp(-2 pi i steps / length): [2, ...], real and imaginary part."""
    angle = 2 * PI * (steps % length) / length
    return np.stack([cos(angle), -sin(angle)]).astype(np.float32)


def _order(length: int) -> NDArray[np.int64]:
    """Return the frequency of each row after `_columns`: a butterfly of radix r groups every r-th frequency."""
    if length == 1:
        return np.zeros(1, np.int64)
    radix = 2 if length & ODD_POWERS else 4
    return np.concatenate([radix * _order(length // radix) + k for k in range(radix)])


@compiled
def transform(real: Array, imaginary: Array, spectrum: Array, first: Array, turn: Array, second: Array) -> None:
    """Set `spectrum` to the spectrum of a signal; the last three arguments are its `twiddles`."""
    rows, columns = first.shape[1], second.shape[1]
    matrix = np.empty(turn.shape, np.float32)
    for strip in range(columns // WIDTH):
        for row in range(rows):
            start = row * columns + strip * WIDTH
            for k in range(WIDTH):
                matrix[strip, row, k] = real[start + k]
                matrix[strip, row, k + WIDTH] = imaginary[start + k]
        _columns(matrix[strip], first)
        _turn(matrix[strip], turn[strip], np.float32(1))
    _transpose(matrix, spectrum)
    for strip in range(rows // WIDTH):
        _columns(spectrum[strip], second)


@compiled
def transform_back(spectrum: Array, real: Array, imaginary: Array, first: Array, turn: Array, second: Array) -> None:
    """Set `real` and `imaginary` to the signal of a spectrum times its length; overwrites `spectrum`."""
    rows, columns = first.shape[1], second.shape[1]
    matrix = np.empty(turn.shape, np.float32)
    for strip in range(rows // WIDTH):
        _columns_back(spectrum[strip], second)
    _transpose(spectrum, matrix)
    for strip in range(columns // WIDTH):
        _turn(matrix[strip], turn[strip], np.float32(-1))
        _columns_back(matrix[strip], first)
        for row in range(rows):
            start = row * columns + strip * WIDTH
            for k in range(WIDTH):
                real[start + k] = matrix[strip, row, k]
                imaginary[start + k] = matrix[strip, row, k + WIDTH]


@compiled
def add_product(total: Array, a: Array, b: Array) -> None:
    """Add the product of the spectra a and b to `total`."""
    for strip in range(a.shape[0]):
        for row in range(a.shape[1]):
            for k in range(WIDTH):
                x, y = a[strip, row, k], a[strip, row, k + WIDTH]
                c, s = b[strip, row, k], b[strip, row, k + WIDTH]
                total[strip, row, k] += x * c - y * s
                total[strip, row, k + WIDTH] += x * s + y * c


@compiled
def _turn(x: Array, twiddles: Array, sign: np.float32) -> None:
    """Multiply x [rows, 2 WIDTH] by twiddle factors in place, or by their conjugates if `sign` is -1."""
    for row in range(x.shape[0]):
        for k in range(WIDTH):
            c, s = twiddles[row, k], sign * twiddles[row, k + WIDTH]
            real, imaginary = x[row, k], x[row, k + WIDTH]
            x[row, k], x[row, k + WIDTH] = real * c - imaginary * s, real * s + imaginary * c


@compiled
def _transpose(x: Array, y: Array) -> None:
    """Set the matrix y to the transpose of x, block by block of [WIDTH, WIDTH] entries."""
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
            _two(x, j, j + size, twiddles, j)
    while size > 1:
        step, quarter = rows // size, size // 4
        for group in range(0, rows, size):
            for j in range(quarter):
                a, b, c, d = group + j, group + j + quarter, group + j + 2 * quarter, group + j + 3 * quarter
                _four(x, a, b, c, d, twiddles, j * step)
        size = quarter


@compiled
def _columns_back(x: Array, twiddles: Array) -> None:
    """Undo `_columns`, up to a factor, by its steps in reverse order: decimation in time."""
    rows, size = x.shape[0], 4
    while size <= rows:
        step, quarter = rows // size, size // 4
        for group in range(0, rows, size):
            for j in range(quarter):
                a, b, c, d = group + j, group + j + quarter, group + j + 2 * quarter, group + j + 3 * quarter
                _four_back(x, a, b, c, d, twiddles, j * step)
        size *= 4
    if rows & ODD_POWERS:
        for j in range(rows // 2):
            _two_back(x, j, j + rows // 2, twiddles, j)


@compiled
def _two(x: Array, a: int, b: int, twiddles: Array, turn: int) -> None:
    cosine, sine = twiddles[0, turn], twiddles[1, turn]
    for k in range(WIDTH):
        real, imaginary = x[a, k] - x[b, k], x[a, k + WIDTH] - x[b, k + WIDTH]
        x[a, k] += x[b, k]
        x[a, k + WIDTH] += x[b, k + WIDTH]
        x[b, k], x[b, k + WIDTH] = real * cosine - imaginary * sine, real * sine + imaginary * cosine


@compiled
def _two_back(x: Array, a: int, b: int, twiddles: Array, turn: int) -> None:
    cosine, sine = twiddles[0, turn], twiddles[1, turn]
    for k in range(WIDTH):
        real, imaginary = x[b, k] * cosine + x[b, k + WIDTH] * sine, x[b, k + WIDTH] * cosine - x[b, k] * sine
        x[b, k], x[b, k + WIDTH] = x[a, k] - real, x[a, k + WIDTH] - imaginary
        x[a, k] += real
        x[a, k + WIDTH] += imaginary


@compiled
def _four(x: Array, a: int, b: int, c: int, d: int, twiddles: Array, turn: int) -> None:
    c1, s1 = twiddles[0, turn], twiddles[1, turn]
    c2, s2 = twiddles[0, 2 * turn], twiddles[1, 2 * turn]
    c3, s3 = twiddles[0, 3 * turn], twiddles[1, 3 * turn]
    for k in range(WIDTH):
        p, q = x[a, k] + x[c, k], x[a, k + WIDTH] + x[c, k + WIDTH]
        u, v = x[a, k] - x[c, k], x[a, k + WIDTH] - x[c, k + WIDTH]
        r, t = x[b, k] + x[d, k], x[b, k + WIDTH] + x[d, k + WIDTH]
        w, z = x[b, k + WIDTH] - x[d, k + WIDTH], x[d, k] - x[b, k]  # -i times the difference of b and d
        x[a, k], x[a, k + WIDTH] = p + r, q + t
        x[b, k], x[b, k + WIDTH] = (u + w) * c1 - (v + z) * s1, (u + w) * s1 + (v + z) * c1
        x[c, k], x[c, k + WIDTH] = (p - r) * c2 - (q - t) * s2, (p - r) * s2 + (q - t) * c2
        x[d, k], x[d, k + WIDTH] = (u - w) * c3 - (v - z) * s3, (u - w) * s3 + (v - z) * c3


@compiled
def _four_back(x: Array, a: int, b: int, c: int, d: int, twiddles: Array, turn: int) -> None:
    c1, s1 = twiddles[0, turn], twiddles[1, turn]
    c2, s2 = twiddles[0, 2 * turn], twiddles[1, 2 * turn]
    c3, s3 = twiddles[0, 3 * turn], twiddles[1, 3 * turn]
    for k in range(WIDTH):
        e, f = x[b, k] * c1 + x[b, k + WIDTH] * s1, x[b, k + WIDTH] * c1 - x[b, k] * s1
        g, h = x[c, k] * c2 + x[c, k + WIDTH] * s2, x[c, k + WIDTH] * c2 - x[c, k] * s2
        m, n = x[d, k] * c3 + x[d, k + WIDTH] * s3, x[d, k + WIDTH] * c3 - x[d, k] * s3
        p, q, u, v = x[a, k] + g, x[a, k + WIDTH] + h, x[a, k] - g, x[a, k + WIDTH] - h
        r, t, w, z = e + m, f + n, n - f, e - m  # w + i z is i times the difference of b and d
        x[a, k], x[a, k + WIDTH] = p + r, q + t
        x[b, k], x[b, k + WIDTH] = u + w, v + z
        x[c, k], x[c, k + WIDTH] = p - r, q - t
        x[d, k], x[d, k + WIDTH] = u - w, v - z
