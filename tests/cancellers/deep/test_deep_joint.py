"""One filter and one network trained together: latency, frames, what the distorted far ends bring, gradients."""

import copy

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from aecbench.cancellers.deep.deep_joint import DeepJoint, DeepJointConfig

SMALL = {"n_fft": 256, "hop_length": 64, "short": 128, "lag": 32, "taps": 4, "reference_taps": 2}
SIZES = {"filter_bands": 8, "filter_hidden": 8, "bands": 8, "hidden": 12, "small": 8}


def network(**changes):
    torch.manual_seed(0)
    return DeepJoint(DeepJointConfig(**{**SMALL, **SIZES, **changes}))


def test_the_released_sizes_have_40_ms_and_less_than_a_million_parameters():
    joint = DeepJoint(DeepJointConfig())
    assert (joint.canceller().latency + 1) / 16_000 == 0.040
    assert sum(p.numel() for p in joint.parameters()) < 1_000_000


def test_short_frames_of_long_ones_are_the_microphone_again_where_nothing_is_done():
    """The gain is 1 where its logit is high, and with a silent far end nothing is subtracted."""
    joint = network().eval()
    with torch.no_grad():
        for z in (joint.control.bin_out.weight, joint.control.bin_out.bias):
            z.zero_()
        joint.control.bin_out.bias[0] = 30.0
    mic = (0.1 * np.random.default_rng(0).normal(size=4000)).astype(np.float32)
    np.testing.assert_allclose(joint.canceller().cancel(mic, 0 * mic), mic, atol=1e-5)


@pytest.mark.parametrize("reference_taps", [0, 2])
def test_replaying_gives_what_was_heard(examples, reference_taps):
    joint, batch = network(reference_taps=reference_taps), examples()
    with torch.no_grad():  # masks of the references that change from frame to frame
        joint.filter.network.bin_out.weight.normal_()
    spectra = joint.spectra(batch.mic, batch.far)
    state = joint.initial(spectra[0]).filter
    filtered, heard, _ = joint.filter.listen(spectra[0], spectra[1], state)
    again = joint.filter.replay(spectra[0], spectra[1], heard, state)
    for one, other in zip(filtered, again, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("reference_taps", [0, 2])
def test_with_fixed_weights_frames_are_those_of_the_loop_in_torch(examples, reference_taps):
    joint, batch = network(reference_taps=reference_taps).eval().requires_grad_(False), examples()
    joint.filter.network.bin_out.weight.normal_(0, 0.2)  # masks that change from frame to frame
    spectra = joint.spectra(batch.mic, batch.far)
    first, rest = spectra[..., :5, :], spectra[..., 5:, :]
    expected, middle = joint.frames(first, joint.initial(spectra[0]))
    output, state = joint.fixed()(first, joint.initial(spectra[0]))
    torch.testing.assert_close(output, expected, rtol=0, atol=1e-4)
    expected, _ = joint.frames(rest, middle)
    together, _ = joint.fixed()(rest, middle)  # a state of the loop in torch
    one_by_one = []
    for t in range(rest.shape[2]):
        output, state = joint.fixed()(rest[..., t : t + 1, :], state)
        one_by_one.append(output)
    for output in (together, torch.cat(one_by_one, 1)):
        torch.testing.assert_close(output, expected, rtol=0, atol=1e-4)
    assert expected.abs().max() > 0.1


def test_a_copy_hears_with_weights_of_its_own(examples):
    first = network()
    batch = examples(2, 8000)
    spectra = first.spectra(batch.mic, batch.far)
    other = copy.deepcopy(first)
    with torch.no_grad():
        other.filter.network.bin_out.bias += 1
    before, after = (net.filter.hear(spectra[0], spectra[1]).uncertainty for net in (first, other))
    _, record, _ = other.filter.listen(spectra[0], spectra[1], other.filter.initial(spectra[0]))
    torch.testing.assert_close(after, record.uncertainty, rtol=1e-3, atol=1e-6)
    assert not torch.allclose(before, after)


def test_gradients_reach_every_parameter_and_the_masks_of_the_references(examples):
    joint = network().train()
    loss, parts = joint.loss(examples(length=2000))
    loss.backward()
    assert all(torch.isfinite(z) for z in parts.values())
    for name, parameter in joint.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    assert (joint.filter.network.bin_out.bias.grad[3:] != 0).all()


def test_a_loudspeaker_that_distorts_is_cancelled_further_with_references():
    """Before training both are a Kalman filter; the echo has the magnitude and the cube of the far end in it."""
    rng = np.random.default_rng(0)
    far = rng.laplace(size=40_000) * np.repeat(rng.uniform(0.2, 1, 160), 250)
    far = (0.5 * far / np.abs(far).max()).astype(np.float32)
    echo = np.convolve(far + 0.6 * np.abs(far) + 2 * far**3, [0, 0.5, 0.2, -0.1])[: far.size].astype(np.float32)
    left = {}
    for taps in (0, 2):
        joint = network(reference_taps=taps).eval()
        spectra = joint.spectra(torch.from_numpy(echo)[None], torch.from_numpy(far)[None])
        filtered, _, _ = joint.filter.listen(spectra[0], spectra[1], joint.initial(spectra[0]).filter)
        left[taps] = (filtered.error[:, 300:] * (1 - filtered.step_size[:, 300:])).abs().square().mean()
    assert 10 * torch.log10(left[0] / left[2]) > 3


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"short": 96}, "short is 96, expected a multiple of hop_length"),
        ({"lag": 192}, "lag is 192, expected at most"),
    ],
)
def test_frames_that_do_not_fit_are_refused(fields, words):
    with pytest.raises(ValidationError, match=words):
        DeepJointConfig(**{**SMALL, **fields})
