"""Distorted far ends in single precision are those in double precision, in torch and in NumPy."""

import numpy as np
import pytest
import torch

from aecbench.cancellers.deep.inference import distortion as inference
from aecbench.cancellers.deep.parts.distortion import Distortion
from aecbench.cancellers.deep.parts.stft import spectra

SIZE, HOP = 256, 64


@pytest.fixture
def far():
    """Spectra [1, T, F] of noise, complex128."""
    return spectra(torch.from_numpy(0.1 * np.random.default_rng(0).normal(size=(1, 4000))), SIZE, HOP)


def in_torch(far):
    distortion = Distortion(SIZE, HOP).to(far.real.dtype)
    state, frames = distortion.initial(far), []
    for t in range(far.shape[1]):
        frame, state = distortion(far[:, t], state)
        frames.append(frame)
    return torch.stack(frames)


def in_numpy(far):
    distortion = inference.Distortion(SIZE, HOP)
    return torch.from_numpy(distortion(far.numpy().swapaxes(0, 1), distortion.start(1, far.shape[-1])))


@pytest.mark.parametrize("run", [in_torch, in_numpy])
def test_single_precision_is_precise(run, far):
    expected, found = in_torch(far), run(far.to(torch.complex64))
    assert found.dtype == torch.complex64
    assert torch.linalg.vector_norm(found - expected) < 2e-6 * torch.linalg.vector_norm(expected)
