"""Real Fourier transforms as products of matrices, for exported models: ONNX's DFT takes twice as long, or more.

J. W. Cooley, J. W. Tukey, "An algorithm for the machine calculation of complex Fourier series", Mathematics of
Computation 19, 1965: with n = a b, sample b i + j and bin k + a l,

    X[k + a l] = sum over j of exp(-2 pi i j l / b) exp(-2 pi i j k / n) sum over i of exp(-2 pi i i k / a) x[b i + j],

two products of matrices with a rotation in between. Both factors are about the root of n. The inverse is the same in
the opposite order. Complex numbers are pairs of real tensors.
"""

from math import isqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["irfft", "rfft"]


def rfft(x: Tensor) -> tuple[Tensor, Tensor]:
    """Transform samples [..., n] to n // 2 + 1 bins: real and imaginary parts [..., bins]."""
    n = x.shape[-1]
    a, b = _factors(n)
    count = b // 2 + 1
    first = _waves(a, a, a)
    y = _constant(_rows(np.concatenate([first, 1j * first]))) @ x.reshape(*x.shape[:-1], a, b)
    y = _rotated(y.chunk(2, -2), _waves(a, b, n).repeat(2, 0))  # [..., 2 a, b]
    y = y.reshape(*x.shape[:-1], a, 2 * b).transpose(-1, -2)
    y = _constant(_real(_waves(b, count, b)).T) @ y  # [..., 2 count, a]
    real, imag = y.reshape(*x.shape[:-1], 2, count * a)[..., : n // 2 + 1].unbind(-2)
    return real, imag


def irfft(real: Tensor, imag: Tensor) -> Tensor:
    """Transform bins [..., n / 2 + 1], real and imaginary parts, to samples [..., n]; n is even."""
    bins = real.shape[-1]
    n = 2 * (bins - 1)
    a, b = _factors(n)
    count = b // 2 + 1
    scale = np.zeros(a * count)
    scale[:bins] = 2 / n
    scale[[0, bins - 1]] = 1 / n
    nothing = real.new_zeros(*real.shape[:-1], a * count - bins)
    y = torch.cat([real, nothing, imag, nothing], -1) * _constant(np.tile(scale, 2))
    y = y.reshape(*real.shape[:-1], 2 * count, a).transpose(-1, -2)
    second = _waves(b, count, b).conj().T
    y = y @ _constant(np.concatenate([_real(second), _real(1j * second)], 1))
    y = _rotated(y.chunk(2, -1), np.tile(_waves(a, b, n).conj(), 2))  # [..., a, 2 b]
    y = _constant(_rows(_waves(a, a, a)).T) @ y.reshape(*real.shape[:-1], 2 * a, b)
    return y.flatten(-2)


def _factors(n: int) -> tuple[int, int]:
    """Return the two factors of n that are closest to each other, the larger one first."""
    b = max(d for d in range(1, isqrt(n) + 1) if n % d == 0)
    return n // b, b


def _waves(rows: int, columns: int, period: int) -> NDArray[np.complex128]:
    """Return exp(-2 pi i row column / period)."""
    waves: NDArray[np.complex128] = np.exp(-2j * np.pi * np.outer(np.arange(rows), np.arange(columns)) / period)
    return waves


def _rotated(given: tuple[Tensor, ...], rotation: NDArray[np.complex128]) -> Tensor:
    """Return numbers times a rotation, given the numbers and i times the numbers."""
    plain, turned = given
    return plain * _constant(rotation.real) + turned * _constant(rotation.imag)


def _rows(matrix: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Return the real matrix that maps real columns to real and imaginary parts, one below the other for every row."""
    return np.stack([matrix.real, matrix.imag], 1).reshape(-1, matrix.shape[1])


def _real(matrix: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Return the real matrix for rows of all real parts and then all imaginary parts, multiplied from the left."""
    return np.block([[matrix.real, matrix.imag], [-matrix.imag, matrix.real]])


def _constant(array: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(array.astype(np.float32))
