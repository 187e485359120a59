import numpy as np
import pytest
import torch

from aecbench.cancellers.deep.parts import stft
from aecbench.dsp import stft as by_block


def noise(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(("frame", "hop"), [(64, 32), (64, 16), (96, 24)])
@pytest.mark.parametrize("length", [1, 95, 320, 333])
def test_frames_are_those_seen_block_by_block(frame, hop, length):
    x = noise(2, length)
    spectra = stft.spectra(torch.from_numpy(x), frame, hop).numpy()
    blocks = np.pad(x, ((0, 0), (0, spectra.shape[1] * hop - length)))
    past = np.zeros((2, frame - hop), np.float32)
    for t in range(spectra.shape[1]):
        past, [expected] = by_block.analyse(past, blocks[:, t * hop : (t + 1) * hop], hop)
        np.testing.assert_allclose(spectra[:, t], expected, atol=1e-5)


@pytest.mark.parametrize(("frame", "hop"), [(64, 32), (64, 16), (96, 24)])
def test_the_signal_of_any_spectra_is_that_made_block_by_block_but_at_its_place(frame, hop):
    bins = 12, frame // 2 + 1
    spectra = (noise(*bins) + 1j * noise(*bins)[::-1]).astype(np.complex64)
    pending, blocks = np.zeros(frame - hop, np.float32), []
    for spectrum in spectra:
        pending, block = by_block.synthesise(pending, spectrum[None])
        blocks.append(block)
    expected = np.concatenate(blocks)[frame - hop :]
    out = stft.signal(torch.from_numpy(spectra), hop, expected.size).numpy()
    np.testing.assert_allclose(out, expected, atol=1e-5)


@pytest.mark.parametrize("length", [0, 1, 31, 32, 500])
def test_spectra_that_are_left_alone_give_the_signal_back(length):
    x = torch.from_numpy(noise(3, length))
    torch.testing.assert_close(stft.signal(stft.spectra(x, 64, 16), 16, length), x, atol=1e-5, rtol=0)


def test_gradients_are_exact():
    x = torch.randn(1, 50, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: stft.signal(stft.spectra(x, 16, 8).abs() + 0j, 8, 50), x)
