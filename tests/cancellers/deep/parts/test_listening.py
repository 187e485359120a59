"""The compiled loop hears in training what the loop in torch hears, frame by frame, on any number of threads."""

import pytest
import torch

from aecbench.cancellers.deep.deep_joint import DeepJoint
from aecbench.cancellers.deep.deep_step_size import DeepStepSize

SMALL = {"n_fft": 256, "hop_length": 64, "taps": 4}
JOINT = {"short": 128, "lag": 32, "filter_bands": 8, "filter_hidden": 8, "bands": 8, "hidden": 12, "small": 8}


def assert_same(heard, expected):
    """Rounding differs, and grows in the closed loop: no more than 1e-4 of the whole."""
    for one, other in zip(heard, expected, strict=True):
        assert one.shape == other.shape
        assert torch.linalg.vector_norm(one - other) <= 1e-4 * torch.linalg.vector_norm(other)


def decisive(network):
    """Return a network whose masks differ from frame to frame."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith("network.bin_out.weight"):
                parameter.normal_(0, 0.5)
    return network


@pytest.mark.usefixtures("any_threads")
@pytest.mark.parametrize("reference_taps", [0, 2])
def test_deep_joint_hears_what_its_loop_in_torch_hears(reference_taps, examples):
    torch.manual_seed(0)
    joint = decisive(DeepJoint(DeepJoint.Config(**SMALL, **JOINT, reference_taps=reference_taps)))
    batch = examples()
    mic, far = joint.spectra(batch.mic, batch.far)
    heard = joint.filter.hear(mic, far)
    _, expected, _ = joint.filter.listen(mic, far, joint.filter.initial(mic))
    assert_same(heard.observation, expected.observation)
    assert_same(heard[1:], expected[1:])


@pytest.mark.usefixtures("any_threads")
@pytest.mark.parametrize("network", ["narrow", "hybrid"])
def test_deep_step_size_trains_on_what_its_loop_in_torch_observes(network, examples, monkeypatch):
    torch.manual_seed(0)
    net = decisive(DeepStepSize(DeepStepSize.Config(**SMALL, network=network, bands=8, hidden=8)))
    batch = examples()
    spectra = net.spectra(batch.mic, batch.far)
    state = net.initial(spectra[0])
    expected = net.closed_loop(spectra, state).observation
    monkeypatch.setattr(DeepStepSize, "closed_loop", None)
    assert_same(net._observation(spectra, state), expected)
