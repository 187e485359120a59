"""Equations of two filters side by side: in torch they give what they give in numba."""

import numpy as np
import pytest
import torch

from aecbench.cancellers import coupling, kalman
from aecbench.cancellers.deep.layers import two_filters

BLOCK, BINS = 64, 65


def noise(*shape, level=0.1, seed=0):
    return (level * np.random.default_rng(seed).normal(size=shape)).astype(np.float32)


def close(ours, theirs):
    torch.testing.assert_close(ours, torch.as_tensor(theirs), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("level", [0.0, 1e-4, 0.1, 30.0])
def test_the_power_gain_is_that_of_both_numba_and_numpy(level):
    """Nothing heard, below the bounds, within, above."""
    sums = other = np.zeros(2, np.float32)
    tensors = torch.zeros(2)
    for seed in range(20):
        mic, far_power = noise(BLOCK, level=level, seed=seed), np.float32(0.01 * (1 + seed % 3))
        sums = sums.copy()
        gain = kalman._couple(sums, mic, far_power)
        mic_power = np.mean(mic**2)
        other = coupling.observe(other, mic_power, far_power, BLOCK)
        tensors, ours = two_filters.power_gain(tensors, torch.tensor(mic_power), torch.tensor(far_power), BLOCK)
        close(tensors, sums)
        close(tensors, other)
        close(ours, gain)
        close(ours, np.float32(coupling.power_gain(other)))


@pytest.mark.parametrize("factor", [1.0, 1.1, 0.3, 4.0, -1.0, 0.0])
@pytest.mark.parametrize("expected", [1e-4, 10.0])
def test_the_gain_that_fits_an_estimate_is_the_same(factor, expected):
    """An estimate that is right, slightly wrong, too loud, too quiet, inverted, of no echo; audible or not."""
    echo = noise(2, BLOCK)
    mic = factor * echo[0] + noise(BLOCK, level=0.003, seed=1)
    fit = np.abs(noise(2, 3, level=1e-3, seed=2))
    gains, sums = two_filters.fit_gain(
        *(torch.tensor(z) for z in (mic, echo)), torch.tensor(expected), torch.tensor(fit)
    )
    for f in range(2):
        after = fit[f].copy()
        close(gains[f, 0], kalman._fit_gain(mic, echo[f], np.float32(expected), after))
        close(sums[f], after)


def test_the_gain_changes_where_it_should():
    """So that the comparison above has both kinds."""
    echo, fit, quiet = torch.tensor(noise(1, BLOCK)), torch.zeros(1, 3), torch.tensor(1e-4)
    assert two_filters.fit_gain(0.3 * echo[0], echo, quiet, fit)[0] == pytest.approx(0.3, rel=1e-5)
    assert two_filters.fit_gain(-echo[0], echo, quiet, fit)[0] == 0
    assert two_filters.fit_gain(0.3 * echo[0], echo, torch.tensor(10.0), fit)[0] == 1


def test_the_same_half_of_the_residual_is_deducted():
    error, residual = np.abs(noise(BINS)), np.abs(noise(BINS, level=0.3, seed=1))
    scale = np.empty(BINS, np.float32)
    kalman._scale(np.zeros(BINS, np.float32), error.copy(), residual, np.float32(1), scale)
    ours = two_filters.deduct_residual(torch.tensor(error), torch.tensor(residual))
    close(0.5 / (torch.tensor(residual) + ours + float(kalman.TINY)), scale)
    assert (ours == torch.tensor(np.float32(kalman.CERTAIN)) * torch.tensor(error)).any()
    assert (ours == torch.tensor(error - residual / 2)).any()


@pytest.mark.parametrize("errors", [(1.0, 0.5), (0.5, 1.0), (1.0, 0.9), (1.0, 1.0)])
def test_the_better_filter_hands_over_the_same_state(errors):
    """The shadow is better, the main filter is, neither clearly."""
    weights = (noise(2, 3, BINS) + 1j * noise(2, 3, BINS, seed=1)).astype(np.complex64)
    covariance, disturbance = np.abs(noise(2, 3, BINS, seed=2)), np.abs(noise(2, BINS, seed=3))
    error, fit = np.array(errors, np.float32), noise(2, 3, seed=4)
    rest = torch.view_as_real(torch.tensor(weights)), torch.tensor(disturbance), torch.tensor(fit)
    ours = two_filters.exchange(torch.tensor(error), torch.tensor(covariance), rest)
    kalman._exchange(weights, covariance, disturbance, error, fit)
    theirs = torch.view_as_real(torch.tensor(weights)), torch.tensor(disturbance), torch.tensor(fit)
    torch.testing.assert_close(ours, (torch.tensor(error), torch.tensor(covariance), theirs), rtol=0, atol=0)
