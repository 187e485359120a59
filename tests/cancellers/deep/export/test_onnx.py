"""Deep systems as ONNX models: do they compute what torch does, and can everybody run them?"""

import functools
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import soundfile
import torch
from click.testing import CliRunner

from aecbench.cancellers.base import Streaming
from aecbench.cancellers.deep.deep_joint import DeepJoint
from aecbench.cancellers.deep.deep_step_size import DeepStepSize
from aecbench.cancellers.deep.export.compress import prune
from aecbench.cancellers.deep.export.onnx import export, exportable
from aecbench.cancellers.external import onnx as onnx_module
from aecbench.cancellers.external.onnx import OnnxModel
from aecbench.cli import main
from aecbench.errors import ConfigError, UsageError
from aecbench.systems import load_system

NAMES = ["deep_adaptive", "deep_adaptive_2022", "deep_joint", "deep_step_size"]
EXAMPLE = Path(__file__).parents[4] / "examples" / "stream_onnx.py"
RATE = 16_000


def build(name):
    torch.manual_seed(0)
    if name == "deep_step_size":
        return DeepStepSize(DeepStepSize.Config(hidden=16)).canceller()
    if name == "deep_joint":
        return DeepJoint(DeepJoint.Config(filter_hidden=16, hidden=64)).canceller()
    return exportable(load_system(name, "none").canceller, name)


@pytest.fixture(scope="module")
def exported(tmp_path_factory, recorded_once):
    """Cancellers and their models by name, each written once."""
    cancellers = functools.cache(build)

    @functools.cache
    def get(name, **options):
        path = tmp_path_factory.mktemp("models") / f"{name}.onnx"
        return cancellers(name), export(cancellers(name), path, name=name, **options)

    return get


@pytest.fixture(scope="module")
def heard(scene):
    """10 s: silence at first, then far end alone, then double talk."""
    s = scene(9.0, seed=2, near=(4.0, 9.0), noise=0.001)
    return tuple(np.pad(x, (RATE, 0)) for x in (s.mic, s.far))


@pytest.mark.parametrize("name", NAMES)
def test_a_model_gives_what_torch_gives_over_10_s(exported, heard, name):
    canceller, path = exported(name)
    out = OnnxModel(str(path)).cancel(*heard)
    assert np.abs(out).max() > 0.01
    np.testing.assert_allclose(out, canceller.cancel(*heard), rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_every_state_is_float32_of_fixed_shape_and_comes_back(exported, name):
    graph = onnx.load(exported(name)[1]).graph
    shapes = [
        {value.name.partition(".")[2]: [d.dim_value for d in value.type.tensor_type.shape.dim] for value in values}
        for values in (list(graph.input)[2:], list(graph.output)[1:])
    ]
    assert shapes[0] == shapes[1]
    assert all(all(shape) for shape in shapes[0].values())
    assert {v.type.tensor_type.elem_type for v in (*graph.input, *graph.output)} == {onnx.TensorProto.FLOAT}


def test_states_have_the_names_of_our_fields(exported):
    inputs = onnx_module._load(str(exported("deep_adaptive")[1]))[0].get_inputs()
    names = {source.name for source in inputs}
    assert {"state.network.filter.weights", "state.front.covariance", "state.pending"} <= names


def test_a_model_is_a_canceller_of_the_same_latency(exported):
    canceller, path = exported("deep_step_size")
    model = OnnxModel(str(path))
    assert isinstance(model, Streaming)
    assert (model.block, model.latency, model.delay) == (canceller.block, canceller.latency, canceller.delay)


def test_a_batch_is_one_signal_after_the_other(exported, heard):
    model = OnnxModel(str(exported("deep_adaptive_2022")[1]))
    mic, far = (x[RATE : 2 * RATE] for x in heard)
    both = model.cancel(np.stack([mic, far]), np.stack([far, mic]))
    np.testing.assert_array_equal(both, np.stack([model.cancel(mic, far), model.cancel(far, mic)]))


def test_states_that_are_read_and_written_in_place_are_those_of_steps(exported, heard):
    model = OnnxModel(str(exported("deep_adaptive_2022")[1]))
    blocks = np.stack(heard).astype(np.float32)[:, RATE : RATE + 8 * model.block].reshape(2, 8, model.block)
    stepped, held, other = model.init(()), model.init((1,)), model.init((1,))
    for mic, far in blocks.swapaxes(0, 1):
        stepped, expected = model.step(stepped, mic, far)
        other, _ = model.consume(other, far[None], mic[None])  # a stream of its own
        held, out = model.consume(held, mic[None], far[None])
        np.testing.assert_array_equal(out[0], expected)
    for state in (held, pickle.loads(pickle.dumps(held))):
        for after, expected in zip(state, stepped, strict=True):
            np.testing.assert_array_equal(after[0], expected)


def test_8_bits_make_it_small_and_change_little(exported, heard):
    canceller, whole = exported("deep_adaptive_2022")
    _, small = exported("deep_adaptive_2022", int8=True)
    assert small.stat().st_size < 0.4 * whole.stat().st_size
    out, rounded = canceller.cancel(*heard), OnnxModel(str(small)).cancel(*heard)
    assert 0 < np.sqrt(np.mean((rounded - out) ** 2) / np.mean(out**2)) < 0.05


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_pruning_zeroes_that_share_of_the_weights_and_no_bias(share):
    canceller = build("deep_adaptive_2022")
    before, after = dict(canceller.network.named_parameters()), prune(canceller, share).network.named_parameters()
    for name, pruned in after:
        gone = 0.0 if "bias" in name else share
        kept = pruned != 0
        assert float((before[name] != 0).float().mean() - kept.float().mean()) == pytest.approx(gone, abs=1e-3)
        assert torch.equal(pruned[kept], before[name][kept])


def test_a_share_of_all_weights_is_refused():
    with pytest.raises(UsageError, match="share from 0 to below 1"):
        prune(build("deep_adaptive_2022"), 1.0)


def test_a_filter_is_not_exported():
    with pytest.raises(UsageError, match="'kalman': is a Kalman"):
        exportable(load_system("kalman", "none").canceller, "kalman")


def test_the_command_writes_a_folder_that_loads_as_a_system(tmp_path):
    folder = tmp_path / "small"
    arguments = ["export-model", "deep_adaptive_2022", "--onnx", str(folder), "--quantize", "int8", "--prune", "0.5"]
    done = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    system = load_system(str(folder), "none")
    assert (system.name, system.canceller.facts.system) == ("small", "deep_adaptive_2022")
    assert load_system(str(folder / "model.onnx"), "none").parameters == system.parameters
    (folder / "model.onnx").write_bytes((folder / "model.onnx").read_bytes() + b"\x9a\x06\x00")
    with pytest.raises(ConfigError, match="export it again"):
        load_system(str(folder), "none")


def test_other_files_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        load_system(str(tmp_path / "none.onnx"))
    (tmp_path / "text.onnx").write_text("text")
    with pytest.raises(ConfigError, match="cannot load"):
        load_system(str(tmp_path / "text.onnx"))
    value = onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])
    other = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])
    graph = onnx.helper.make_graph([onnx.helper.make_node("Neg", ["x"], ["y"])], "g", [value], [other])
    opset = onnx.helper.make_opsetid("", 20)
    onnx.save(onnx.helper.make_model(graph, opset_imports=[opset], ir_version=10), tmp_path / "other.onnx")
    with pytest.raises(ConfigError, match="takes x and gives y"):
        load_system(str(tmp_path / "other.onnx"))


def test_the_example_gives_what_the_system_gives(exported, heard, tmp_path):
    lines = EXAMPLE.read_text().splitlines()
    assert len(lines) <= 40
    imports = {line.split()[1] for line in lines if line.startswith("import ")}
    assert imports == {"sys", "numpy", "onnxruntime", "soundfile"}
    model = exported("deep_adaptive")[1]
    paths = [tmp_path / name for name in ("mic.wav", "far.wav", "out.wav")]
    mic, far = (np.round(x * 32768) / 32768 for x in heard)
    for path, x in zip(paths, (mic, far), strict=False):
        soundfile.write(path, x, RATE, subtype="FLOAT")
    subprocess.run([sys.executable, EXAMPLE, model, *paths], check=True)
    out, rate = soundfile.read(paths[2])
    assert rate == RATE
    np.testing.assert_allclose(out, OnnxModel(str(model)).cancel(mic, far), rtol=0, atol=1e-4)


@pytest.mark.parametrize("place", ["", "best"])
def test_another_model_is_not_replaced(tmp_path, place):
    card = tmp_path / place / "card.toml"
    card.parent.mkdir(exist_ok=True)
    card.write_text('canceller = "nlms"\nsummary = "mine"\n')
    with pytest.raises(UsageError, match=f"^{tmp_path}: contains another model, which would be lost; choose another f"):
        export(build("deep_adaptive_2022"), tmp_path, name="ours")
    assert "mine" in card.read_text()
