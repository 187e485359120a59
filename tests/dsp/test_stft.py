"""STFT: what is analysed and synthesised again is the signal itself, later."""

import numpy as np
import pytest

from aecbench.dsp import stft


def through(x, frame, hop, hops):
    """What is analysed and synthesised, `hops` frames at a time."""
    past = pending = np.zeros((2, frame - hop), np.float32)
    blocks = []
    for start in range(0, x.shape[-1], hops * hop):
        past, spectra = stft.analyse(past, x[:, start : start + hops * hop], hop)
        pending, y = stft.synthesise(pending, spectra)
        blocks.append(y)
    return np.concatenate(blocks, -1)


@pytest.mark.parametrize(("frame", "hop"), [(1024, 256), (512, 128), (512, 256), (8, 4)])
def test_spectra_left_alone_give_the_signal_back_after_frame_less_hop_samples(frame, hop):
    x = np.random.default_rng(0).normal(size=(2, 40 * hop)).astype(np.float32)
    late = through(x, frame, hop, 1)
    np.testing.assert_allclose(late[:, frame - hop :], x[:, : hop - frame], rtol=0, atol=3e-6)
    np.testing.assert_array_equal(through(x, frame, hop, 8), late)
