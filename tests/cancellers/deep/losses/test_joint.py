"""The loss of deep_joint: what costs more than what, and the noise that is to stay."""

import pytest
import torch

from aecbench.cancellers.deep.base import Batch
from aecbench.cancellers.deep.losses.joint import JointWeights, joint_loss, lost, noise_gain


def speech(count=2, length=16_000, seed=0):
    generator = torch.Generator().manual_seed(seed)
    loud = torch.rand(count, length // 500, generator=generator).repeat_interleave(500, 1)
    return 0.1 * loud * torch.randn(count, length, generator=generator)


@pytest.mark.parametrize(("level", "gain"), [(-70, 0), (-60, 0), (-50, -5), (-30, -15)])
def test_quiet_noise_stays_and_loud_noise_is_turned_down_by_a_share_of_the_excess(level, gain):
    noise = 10 ** (level / 20) * torch.randn(1, 100_000, generator=torch.Generator().manual_seed(0))
    decibels = 20 * torch.log10(noise_gain(noise, JointWeights(quiet=-60.0, ratio=0.5)))
    torch.testing.assert_close(decibels, torch.tensor([[float(gain)]]), atol=0.1, rtol=0)


def test_near_end_that_is_missing_costs_more_than_as_much_that_is_added():
    near, more = speech(), speech(seed=1)
    assert (lost(near, 0.5 * near) > 5 * lost(near, near + 0.5 * more)).all()
    assert (lost(near, near) < 1e-9).all()


def test_each_term_is_lowest_for_the_target_and_the_total_is_their_weighted_sum():
    near, echo, noise = speech(), speech(seed=1), 1e-3 * speech(seed=2)
    batch = Batch(near + echo + noise, echo, near, echo, noise)
    spectra = torch.fft.rfft(echo.unfold(-1, 512, 256))
    weights = JointWeights()
    best, parts = joint_loss(batch, near + noise, 0.01 * spectra, spectra, weights, 16_000)
    for estimate, left in ((near + noise + 0.1 * echo, 0.1), (0.5 * near, 1.0), (batch.mic, 1.0)):
        worse, others = joint_loss(batch, estimate, left * spectra, spectra, weights, 16_000)
        assert worse > best
        assert all(others[name] >= parts[name] - 1e-6 for name in parts)
    total = sum(getattr(weights, name) * part for name, part in parts.items())
    torch.testing.assert_close(best, total)


def test_without_a_near_end_only_the_rest_counts():
    echo = speech(seed=1)
    batch = Batch(echo, echo, 0 * echo, echo, 0 * echo)
    spectra = torch.fft.rfft(echo.unfold(-1, 512, 256))
    _, parts = joint_loss(batch, 0.1 * echo, spectra, spectra, JointWeights(), 16_000)
    assert [float(parts[name]) for name in ("sdr", "lost", "disturbance")] == [0, 0, 0]
    assert parts["residual"] < -15
