"""Transforms as products of matrices, against torch's."""

import pytest
import torch

from aecbench.cancellers.deep.export import fourier

SIZES = pytest.mark.parametrize("n", [1024, 512, 320, 30, 14, 2])


@SIZES
@pytest.mark.parametrize("more", [0, 1], ids=["even", "odd"])
def test_spectra_are_those_of_torch(n, more):
    x = torch.randn(2, 3, n + more, generator=torch.Generator().manual_seed(0))
    spectrum = torch.complex(*fourier.rfft(x))
    torch.testing.assert_close(spectrum, torch.fft.rfft(x), rtol=0, atol=1e-6 * n**0.5 * 4)


@SIZES
def test_samples_are_those_of_torch(n):
    z = torch.randn(2, 3, n // 2 + 1, dtype=torch.complex64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(fourier.irfft(z.real, z.imag), torch.fft.irfft(z), rtol=0, atol=1e-6)
