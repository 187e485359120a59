"""Equations of two filters on one far end: torch gives what numba gives."""

import numpy as np
import pytest
import torch

from aecbench.cancellers.deep.layers import two_filters as ours
from aecbench.cancellers.kernels import coupling
from aecbench.cancellers.kernels import two_filters as theirs

BLOCK, BINS = 64, 65
MEMORY, FRACTION = 0.6, 0.5


def noise(*shape, level=0.1, seed=0):
    return (level * np.random.default_rng(seed).normal(size=shape)).astype(np.float32)


def close(tensor, array):
    torch.testing.assert_close(tensor, torch.as_tensor(array), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("level", [0.0, 1e-4, 0.1, 30.0])
def test_the_power_gain_is_the_same(level):
    """For silence, and below, within and above the bounds."""
    sums, tensor = np.zeros(2, np.float32), torch.zeros(2)
    for seed in range(20):
        mic, far_power = noise(BLOCK, level=level, seed=seed), np.float32(0.01 * (1 + seed % 3))
        coupling.observe(sums, np.sum(mic**2), far_power, BLOCK)
        tensor, gain = ours.power_gain(tensor, torch.tensor(np.mean(mic**2)), torch.tensor(far_power), BLOCK)
        close(tensor, sums)
        close(gain, np.float32(coupling.power_gain(sums, coupling.LOWEST)))


@pytest.mark.parametrize("scale", [1.0, 1.1, 0.3, 4.0, -1.0, 0.0])
@pytest.mark.parametrize("audible", [1e-4, 10.0])
def test_the_gain_that_fits_an_estimate_is_the_same(scale, audible):
    """For a good, a too loud, a too quiet and an inverted estimate, and for one without echo; audible or not."""
    y = noise(2, BLOCK)
    mic, sums = scale * y[0] + noise(BLOCK, level=0.003, seed=1), np.abs(noise(2, 3, level=1e-3, seed=2))
    tensors = (torch.tensor(z) for z in (mic, y, sums))
    factors, after = ours.fit_gain(*tensors, MEMORY, FRACTION, torch.tensor(audible))
    for f in range(2):
        close(factors[f, 0], theirs.fit_gain(mic, y[f], sums[f], MEMORY, FRACTION, np.float32(audible)))
        close(after[f], sums[f])


def test_the_gain_changes_where_it_should():
    """Without this the comparison above might never see a change."""
    y, sums = torch.tensor(noise(1, BLOCK)), torch.zeros(1, 3)

    def factor(scale, audible):
        return ours.fit_gain(scale * y[0], y, sums, MEMORY, FRACTION, torch.tensor(audible))[0].item()

    assert factor(0.3, 1e-4) == pytest.approx(0.3, rel=1e-5)
    assert factor(-1.0, 1e-4) == pytest.approx(-1, rel=1e-5)
    assert factor(0.3, 10.0) == 1


def test_the_disturbance_is_the_same():
    error, residual = np.abs(noise(BINS)), np.abs(noise(BINS, level=0.3, seed=1))
    result = ours.disturbance(torch.tensor(error), torch.tensor(residual))
    close(result, theirs.disturbances(error, residual))
    assert 0 < (result == torch.tensor(error - residual / 2)).sum() < BINS  # both of its cases


@pytest.mark.parametrize(
    ("errors", "source"), [((1.0, 0.5), theirs.SHADOW), ((0.5, 1.0), theirs.MAIN), ((1.0, 0.9), -1), ((1.0, 1.0), -1)]
)
def test_the_better_filter_transfers_the_same(errors, source):
    error, values = np.array(errors, np.float32), noise(2, 3, BINS)
    assert theirs.better(error, 0.8, 1) == source
    chosen = ours.better(torch.tensor(error), 0.8, 1)
    assert chosen == (source == theirs.MAIN, source == theirs.SHADOW)
    result = ours.transfer(torch.tensor(values), chosen)
    if source >= 0:
        theirs.transfer(values, source)
    assert torch.equal(result, torch.tensor(values))
