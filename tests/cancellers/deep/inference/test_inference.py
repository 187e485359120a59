"""Networks without torch compute what they compute in torch, and say what is wrong with their weights."""

import os
import pickle
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from aecbench.cancellers.deep import DEEP, INFERENCE
from aecbench.cancellers.deep.framewise import FramewiseCanceller
from aecbench.cancellers.deep.inference.canceller import InferenceCanceller, inference, load_inference
from aecbench.cards import write_card
from aecbench.config import sha256
from aecbench.errors import ConfigError
from aecbench.plugins import load
from aecbench.systems import load_system

FRAME = {"n_fft": 128, "hop_length": 64, "taps": 4}
JOINT = {"bands": 8, "hidden": 12, "small": 8, "filter_bands": 9, "filter_hidden": 8}
CASES = {
    "deep_adaptive": ("deep_adaptive", {"bands": 8, "hidden": 12, "small": 8}),
    "deep_adaptive alone": (
        "deep_adaptive",
        {"bands": 8, "hidden": 12, "small": 8, "kalman": {"taps": 0}, "posterior": False, "learn_step": False},
    ),
    "deep_adaptive no filter": ("deep_adaptive", {"bands": 8, "filter": False, "learn_reference": False}),
    "deep_adaptive_2022": ("deep_adaptive_2022", {"hidden": 12, "layers": 3, "dense": 3}),
    "deep_adaptive_2022 far": ("deep_adaptive_2022", {"hidden": 12, "dense": 1, "learn_reference": False}),
    "deep_joint": ("deep_joint", {**JOINT, "n_fft": 256, "short": 128, "lag": 32, "reference_taps": 2}),
    "deep_joint linear": ("deep_joint", {**JOINT, "n_fft": 256, "short": 256, "lag": 0, "reference_taps": 0}),
    "deep_joint quarter": ("deep_joint", {**JOINT, "n_fft": 512, "short": 128, "lag": 64}),
    "deep_step_size": ("deep_step_size", {"bands": 20, "hidden": 8}),
    "deep_step_size narrow": ("deep_step_size", {"bands": 8, "hidden": 8, "network": "narrow", "posterior": False}),
}
CLOSE = 2e-5  # weights have 16 bits
TORCH_ONLY = ({"network": "broad"}, {"update": "nlms"}, {"feedback": False})


def trained(name, fields):
    """A network whose weights matter."""
    torch.manual_seed(0)
    kind = load(DEEP[name], name)
    network = kind(kind.Config(**{**FRAME, **fields})).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.2 * torch.randn(parameter.shape)
    return network


def without_torch(name, network, **changes):
    arrays = {key: value.numpy() for key, value in network.state_dict().items()}
    return inference(DEEP[name], network.config, partial(dict, arrays | changes), Path("weights.safetensors"))


@pytest.fixture(params=CASES, scope="module")
def both(request):
    name, fields = CASES[request.param]
    network = trained(name, fields)
    return without_torch(name, network), network.canceller()


@pytest.fixture(scope="module")
def heard(scene):
    s = scene(0.7, near=(0.4, 0.7))
    return s.mic, s.far


@pytest.fixture(scope="module")
def torch_output(both, heard):
    return both[1].cancel(*heard)


def test_every_network_of_the_table_runs_without_torch():
    assert set(INFERENCE) == set(DEEP.values())
    assert {name for name, _ in CASES.values()} == set(DEEP)


def test_output_is_what_torch_computes(both, heard, torch_output):
    assert np.abs(torch_output).max() > 0.01
    np.testing.assert_allclose(both[0].cancel(*heard), torch_output, rtol=0, atol=CLOSE)


def test_batches_are_what_torch_computes(both, heard):
    batch = [np.stack([x, 0.3 * x[::-1], np.roll(x, 100)]) for x in heard]
    ours, theirs = (canceller.cancel(*batch) for canceller in both)
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=CLOSE)


def test_several_frames_at_once_give_what_single_frames_give(both, heard, blocks_and_strides):
    canceller, _ = both
    outputs = blocks_and_strides(canceller, *heard)
    assert canceller.stride == 4 * canceller.block
    assert np.ptp(outputs[0]) > 0.01
    np.testing.assert_array_equal(*outputs)


def test_decisions_are_those_of_torch(both, heard):
    ours, theirs = (canceller.inspect(*heard) for canceller in both)
    assert list(ours) == list(theirs)
    for name, values in theirs.items():
        assert ours[name].dtype == values.dtype, name
        np.testing.assert_allclose(ours[name], values, rtol=1e-3, atol=1e-3 * np.abs(values).max(), err_msg=name)


@pytest.mark.parametrize("length", [0, 1, 700])
def test_decisions_for_short_signals_are_as_many_as_in_torch(both, heard, length):
    ours, theirs = (canceller.inspect(*(x[:length] for x in heard)) for canceller in both)
    assert {name: z.shape for name, z in ours.items()} == {name: z.shape for name, z in theirs.items()}


def test_delays_and_counts_are_those_of_torch(both):
    ours, theirs = both
    assert (ours.block, ours.latency, ours.delay) == (theirs.block, theirs.latency, theirs.delay)
    assert ours.cost() == theirs.cost()


def test_the_same_network_in_torch_has_the_same_weights(both, heard, torch_output):
    np.testing.assert_array_equal(both[0].trained().canceller().cancel(*heard), torch_output)


THREADS = """
import time
from aecbench.systems import load_system
canceller = load_system("deep_adaptive_2022", "none").canceller
canceller.cancel(*scene)
before = time.process_time(), time.thread_time()
canceller.cancel(*scene)
print((time.process_time() - before[0]) / (time.thread_time() - before[1]))
"""


def test_one_thread_computes_however_many_there_are():
    program = f"import numpy; scene = 0.1 * numpy.random.default_rng(0).normal(size=(2, 16000)){THREADS}"
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert float(done.stdout) < 1.2


@pytest.mark.parametrize("fields", TORCH_ONLY, ids=str)
def test_other_configurations_run_in_torch(fields):
    network = trained("deep_step_size", {"bands": 8, "hidden": 8, **fields})
    assert without_torch("deep_step_size", network) is None


def test_a_card_of_such_a_network_is_loaded_in_torch(tmp_path):
    network = trained("deep_step_size", {"bands": 8, "hidden": 8, "network": "broad"})
    data = safetensors.torch.save(network.state_dict())
    (tmp_path / "weights.safetensors").write_bytes(data)
    card = {"canceller": "deep_step_size", "summary": "", "weights": "weights.safetensors", "sha256": sha256(data)}
    write_card(tmp_path, card | {"parameters": network.config.model_dump()})
    assert isinstance(load_system(tmp_path, "none").canceller, FramewiseCanceller)


@pytest.mark.parametrize("name", ["deep_adaptive", "deep_adaptive_2022", "deep_step_size", "deep_step_size_prior"])
def test_released_weights_give_what_they_give_in_torch(name, heard):
    canceller = load_system(name, "none").canceller
    assert isinstance(canceller, InferenceCanceller)
    np.testing.assert_allclose(
        canceller.cancel(*heard), canceller.trained().canceller().cancel(*heard), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"profile": np.zeros(5, np.float32)}, r"profile is float32 \[5\], expected float32 \[4\]; it belongs to"),
        ({"profile": np.zeros(4)}, r"profile is float64 \[4\], expected float32 \[4\]"),
        ({"network.gru.weight": np.zeros(1, np.float32)}, r"network.gru.weight is float32 \[1\], expected missing"),
    ],
)
def test_weights_that_do_not_fit_are_an_error(changes, message):
    network = trained("deep_step_size", {"bands": 8, "hidden": 8})
    with pytest.raises(ConfigError, match=message):
        without_torch("deep_step_size", network, **changes)


@pytest.mark.parametrize(
    ("content", "digest", "message"),
    [
        (b"nonsense", "2ddd8fe1f1e01c8f4d8f47a4c5ab7c7ba1c4e7ca", "has SHA-256"),
        (b"nonsense", None, "is not a safetensors file"),
        (None, "0", "cannot be read"),
    ],
)
def test_a_file_that_is_not_the_one_of_the_card_is_an_error(tmp_path, content, digest, message):
    path = tmp_path / "weights.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load_inference(DEEP["deep_step_size"], {}, path, digest or sha256(content))


def test_parameters_out_of_range_are_an_error(tmp_path):
    with pytest.raises(ConfigError, match="did you mean 'taps'"):
        load_inference(DEEP["deep_step_size"], {"tap": 4}, tmp_path / "none", "0")


def test_weights_are_read_again_for_torch_wherever_the_process_has_gone(tmp_path, monkeypatch):
    network = trained(*CASES["deep_step_size"])
    safetensors.torch.save_file(network.state_dict(), tmp_path / "weights.safetensors")
    path, config = tmp_path / "weights.safetensors", network.config.model_dump()
    monkeypatch.chdir(tmp_path)
    canceller = load_inference(DEEP["deep_step_size"], config, Path(path.name), sha256(path.read_bytes()))
    monkeypatch.chdir("/")
    again = pickle.loads(pickle.dumps(canceller)).trained()
    assert all(torch.equal(again.state_dict()[name], value) for name, value in network.state_dict().items())
    path.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        canceller.trained()
