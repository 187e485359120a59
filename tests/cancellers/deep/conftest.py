"""What networks are fed with, made here."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from aecbench.cancellers.deep.base import Batch, Network
from aecbench.cancellers.deep.layers import threads


def make_noise(*shape: int, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).normal(size=shape)).astype(np.float32)


def make_examples(count: int = 4, length: int = 4000, delay: int = 40, hum: float = 0.01) -> Batch:
    """Echoes of one delay, half of them with a near end."""
    far, near, noise = (make_noise(count, length, seed=seed) for seed in range(3))
    near[::2] = 0
    echo, noise = 0.5 * np.pad(far, ((0, 0), (delay, 0)))[:, :length], hum * noise
    return Batch(*(torch.from_numpy(z) for z in (near + echo + noise, far, near, echo, noise)))


def make_spectra(network: Network, count: int, frames: int) -> Tensor:
    """Of microphone, far end and, behind a filter, its error."""
    signals = 2 if network.front is None else 3
    shape = signals, count, frames, network.config.n_fft // 2 + 1
    return torch.from_numpy(make_noise(*shape) + 1j * make_noise(*shape, seed=5))


@pytest.fixture(scope="session")
def examples() -> Callable[..., Batch]:
    return make_examples


@pytest.fixture(scope="session")
def random_spectra() -> Callable[..., Tensor]:
    return make_spectra


@pytest.fixture(params=[1, 2, 3])
def any_threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run kernels on one to three threads, even for small batches."""
    before = torch.get_num_threads()
    monkeypatch.setattr(threads, "SMALL", 0)
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)
