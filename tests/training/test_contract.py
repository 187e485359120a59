"""Mistakes in a network of one's own: each is reported in one line, before the first step or in it."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import aecbench as ab
from aecbench.cancellers.deep import DEEP
from aecbench.cancellers.deep.base import Batch
from aecbench.errors import AecbenchError
from aecbench.systems import import_class
from aecbench.training.contract import check_frames
from aecbench.training.processes import processes
from aecbench.training.run import Training
from aecbench.training.settings import Settings

EXAMPLE = (Path(ab.__file__).parents[1] / "docs" / "examples" / "my_network.py").read_text()
FRAMES, LOSS = "return mask * spectra[0], state", 'return loss, {"spectra": loss.detach()}'


@pytest.fixture
def network(tmp_path, monkeypatch):
    """Makes the network of the guide with some of its text replaced."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(before, after):
        assert before in EXAMPLE
        (tmp_path / "mine.py").write_text(EXAMPLE.replace(before, after))
        monkeypatch.delitem(sys.modules, "mine", raising=False)
        importlib.invalidate_caches()
        kind = importlib.import_module("mine").MyNetwork
        return kind(kind.Config(n_fft=64, hop_length=32))

    return make


@pytest.mark.parametrize(
    ("after", "says"),
    [
        (
            "return (mask * spectra[0])[..., :-1], state",
            r"^mine: frames returned complex64 \[2, 6, 32\] for spectra \[2, 2, 6, 33\], expected complex \[2, 6, 33\]",
        ),
        ("return mask, state", r"frames returned float32 \[2, 6, 33\] .* expected complex \[2, 6, 33\]"),
        ("return mask * spectra[0]", r"frames returned complex64 \[2, 6, 33\], expected a tuple of output and state"),
        ("return mask * spectra[0], None", r"returned the state None, expected float32 \[1, 2, 96\], as from initial"),
        (
            "return mask[..., :9] * spectra[0], state",
            r"spectra \[2, 2, 6, 33\], failed: RuntimeError.*\(mine.py, line 3",
        ),
    ],
)
def test_frames_of_another_shape_are_reported_before_the_first_step(network, after, says):
    with pytest.raises(AecbenchError, match=says) as raised:
        check_frames(network(FRAMES, after), "mine")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("model", sorted(DEEP))
def test_shipped_networks_pass_and_are_not_changed(model):
    kind = import_class(DEEP[model], None)
    torch.manual_seed(0)
    own = kind(kind.Config())
    before, random = {name: x.clone() for name, x in own.state_dict().items()}, torch.get_rng_state()
    check_frames(own, model)
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(x, before[name]) for name, x in own.state_dict().items())
    assert own.training


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (LOSS, "return loss", r"loss returned float32 \[\], expected a scalar and a dictionary"),
        (LOSS, "return loss + batch.mic[:, 0], {}", r"loss returned \(float32 \[2\], dict\), expected a scalar"),
        (LOSS, "return loss.detach(), {}", "loss does not depend on any weight"),
        (LOSS, "return torch.log(loss * 0 - 1), {}", "loss is nan in the first step, expected a finite number"),
        (LOSS, "return loss / torch.zeros(()), {}", "loss is inf in the first step"),
        (LOSS, "raise SystemExit(3)", r"loss failed: SystemExit: 3 \(mine.py, line \d+\)"),
        (LOSS, "return loss, {}['all']", r"loss failed: KeyError: 'all' \(mine.py, line \d+\)"),
    ],
)
def test_a_loss_that_cannot_be_minimised_is_reported_in_the_first_step(network, before, after, says):
    own, rng = network(before, after), np.random.default_rng(0)
    signals = [torch.from_numpy(0.1 * rng.normal(size=(2, 800)).astype(np.float32)) for _ in Batch._fields]
    with processes("cpu") as group:
        training = Training(own, Settings(), ([None], [None]), group)
        with pytest.raises(AecbenchError, match=f"MyNetwork: {says}") as raised:
            training.step(Batch(*signals))
    assert "\n" not in str(raised.value)
