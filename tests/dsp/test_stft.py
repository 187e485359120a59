"""STFT: what is analysed and synthesised again is the signal itself, later."""

import numpy as np
import pytest

from aecbench.dsp import stft


@pytest.mark.parametrize(("frame", "hop"), [(1024, 256), (512, 128), (512, 256), (8, 4)])
def test_spectra_left_alone_give_the_signal_back_after_frame_less_hop_samples(frame, hop):
    x = np.random.default_rng(0).normal(size=(2, 40 * hop)).astype(np.float32)
    past = pending = np.zeros((2, frame - hop), np.float32)
    blocks = []
    for start in range(0, x.shape[-1], hop):
        past, spectrum = stft.analyse(past, x[:, start : start + hop])
        pending, y = stft.synthesise(pending, spectrum)
        blocks.append(y)
    late = np.concatenate(blocks, -1)[:, frame - hop :]
    np.testing.assert_allclose(late, x[:, : hop - frame], rtol=0, atol=3e-6)
