"""The terms of the loss."""

import numpy as np
import pytest
import torch

from aecbench.cancellers.deep.losses import objective as losses


def noise(*shape, level=0.1, seed=0):
    return (level * np.random.default_rng(seed).normal(size=shape)).astype(np.float32)


def test_si_sdr_ignores_scale_and_ends_at_its_floor():
    near, hum = torch.from_numpy(noise(2, 4000)), torch.from_numpy(noise(2, 4000, seed=1, level=0.01))
    ratio = losses.si_sdr(near, near + hum)
    torch.testing.assert_close(losses.si_sdr(near, 3 * (near + hum)), ratio, atol=0.01, rtol=0)
    torch.testing.assert_close(ratio, torch.full((2,), 19.6), atol=0.3, rtol=0)
    torch.testing.assert_close(losses.si_sdr(near, near), torch.full((2,), 30.0), atol=0.01, rtol=0)


def test_sdr_hears_the_scale_and_ends_at_its_floor():
    near, hum = torch.from_numpy(noise(2, 4000)), torch.from_numpy(noise(2, 4000, seed=1, level=0.01))
    torch.testing.assert_close(losses.sdr(near, near + hum), torch.full((2,), 19.6), atol=0.3, rtol=0)
    torch.testing.assert_close(losses.sdr(near, 0.5 * near), torch.full((2,), 6.0), atol=0.1, rtol=0)
    torch.testing.assert_close(losses.sdr(near, near), torch.full((2,), 30.0), atol=0.01, rtol=0)


def test_a_share_of_the_noise_may_stay(examples):
    batch = examples(2, 4000)
    weights = losses.Weights(noise=0.25)
    wanted = batch.near + 0.25 * batch.noise
    echo = torch.ones(2, 5, 9, dtype=torch.complex64)
    echoes = losses.Echoes(0 * echo, echo)
    _, parts = losses.objective(batch, wanted, echoes, weights, mode="joint")
    assert parts["spectra"] < 1e-6
    _, others = losses.objective(batch, wanted, echoes, losses.Weights(), mode="joint")
    assert others["spectra"] > parts["spectra"]


def test_residual_is_the_ratio_of_powers_in_every_frame():
    mic = torch.from_numpy(noise(2, 10, 512))
    torch.testing.assert_close(losses.residual(0.1 * mic, mic), torch.full((2,), -20.0), atol=0.05, rtol=0)
    torch.testing.assert_close(losses.residual(0 * mic, mic), torch.full((2,), -50.0), atol=0.05, rtol=0)


def test_compressed_spectra_are_nought_for_the_target_alone_and_hear_the_phase():
    near = torch.from_numpy(noise(2, 4000))
    assert losses.compressed_spectra(near, near).abs().max() < 1e-6
    assert (losses.compressed_spectra(near, -near) > 0.1).all()


def test_a_term_with_the_weight_0_is_reported_but_takes_no_way_back():
    estimate = torch.ones(2, requires_grad=True)
    omitted = estimate.sum()
    omitted.register_hook(lambda gradient: pytest.fail(f"reached by the gradient {gradient}"))
    terms = {"kept": estimate.square().sum(), "omitted": omitted}
    total, parts = losses.weighted_sum(terms, {"kept": 3.0, "omitted": 0.0})
    total.backward()
    assert (total.item(), {name: part.item() for name, part in parts.items()}) == (6.0, {"kept": 2.0, "omitted": 2.0})
    assert estimate.grad.tolist() == [6.0, 6.0]
