"""The kernels of overlap-save filters, against plain convolution."""

import numpy as np
import pytest
from scipy.fft import irfft, rfft

from aecbench.cancellers.kernels import overlap_save

PARTITIONS, BLOCK = 4, 32


@pytest.fixture
def time():
    return np.full(2 * BLOCK, np.nan, np.float32)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def zeros(*shape):
    return np.zeros((*shape, BLOCK + 1), np.complex64)


def test_forward_is_the_real_fft_and_inverse_its_inverse(time):
    x, spectrum = noise(2 * BLOCK), zeros()
    overlap_save.forward(x, spectrum)
    np.testing.assert_allclose(spectrum, rfft(x), atol=1e-4)
    overlap_save.inverse(spectrum, time)
    np.testing.assert_allclose(time, x, atol=1e-5)


def test_pushed_blocks_filtered_by_partitions_are_a_convolution(time):
    taps, far = noise(PARTITIONS * BLOCK), noise(8 * BLOCK, seed=1)
    weights = rfft(taps.reshape(PARTITIONS, BLOCK), 2 * BLOCK).astype(np.complex64)
    spectra, past, total, out = zeros(PARTITIONS), np.zeros(BLOCK, np.float32), zeros(), []
    for block in far.reshape(-1, BLOCK):
        overlap_save.push(spectra, past, block, time)
        out.append(overlap_save.echo(weights, spectra, total, time).copy())
    np.testing.assert_allclose(np.concatenate(out), np.convolve(far, taps)[: far.size], atol=1e-3)


@pytest.mark.parametrize(("partitions", "turn", "cut"), [(6, 1, [1, 4]), (6, 5, [5, 2]), (5, 0, [0, 2]), (1, 0, [0])])
def test_constrain_cuts_some_responses_of_each_filter_to_their_first_half(partitions, turn, cut):
    responses = noise(2, partitions, 2 * BLOCK)
    weights = rfft(responses)
    spectra, time = zeros(4), np.full((4, 2 * BLOCK), np.nan, np.float32)
    overlap_save.constrain(weights, turn, spectra, time)
    responses[:, cut, BLOCK:] = 0
    np.testing.assert_allclose(irfft(weights), responses, atol=1e-5)


def test_spectrum_of_end_has_zeros_before_the_block(time):
    block, spectrum, power = noise(BLOCK), zeros(), np.empty(BLOCK + 1, np.float32)
    overlap_save.spectrum_of_end(block, spectrum, time)
    expected = rfft(np.append(np.zeros(BLOCK), block))
    np.testing.assert_allclose(spectrum, expected, atol=1e-4)
    overlap_save.power(spectrum, power)
    np.testing.assert_allclose(power, np.abs(expected) ** 2, rtol=1e-3)


@pytest.mark.parametrize(("scale", "part"), [(0.5, 1.0), (1.5, 1.0), (4.0, 0.25), (-1.0, 0.0)])
def test_subtract_leaves_out_what_would_make_mic_louder(scale, part):
    mic = noise(128)
    y, out = np.float32(scale) * mic, mic.copy()
    assert overlap_save.subtract(out, y, np.float32(1)) == pytest.approx(part, abs=1e-5)
    np.testing.assert_allclose(out[64:], mic[64:] - part * y[64:], atol=1e-5)
    assert np.sum(out[64:] ** 2) <= np.sum(mic[64:] ** 2)
