"""The template of the guide: a plain module trains, and what comes out works where its file is not at hand."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

import aecbench as ab
from aecbench.cli import main

EXAMPLE = Path(ab.__file__).parents[1] / "docs" / "examples" / "my_network.py"
SMALL = ["--epochs", 1, "--batch-size", 2, "--duration", 1, "--workers", 0, "--device", "cpu"]
SMALL += ["--n-fft", 512, "--hop-length", 128, "--set", "val_scenes=0"]
AECBENCH = "from aecbench.cli import main; main()"


@pytest.fixture(scope="module")
def training(recipe_file, tmp_path_factory):
    """A folder in which the example was trained into run/ and exported into exported/."""
    folder = tmp_path_factory.mktemp("template")
    (folder / EXAMPLE.name).write_text(EXAMPLE.read_text())
    sizes = {"splits.train": 6, "splits.val": 2, "splits.test": 0, "duration": 1.5, "talk.near_onset": 0.7}
    corpus = ab.simulate(recipe_file, folder / "corpus", set=sizes)
    words = ["train", "my_network:MyNetwork", "--corpus", corpus.path, *SMALL]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(folder)
        patch.delitem(sys.modules, "my_network", raising=False)
        arguments = [str(word) for word in (*words, "--save-dir", "run", "--export", "exported")]
        result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def trained(training, tmp_path, monkeypatch):
    """The folders of a training and of its export: copies in an empty folder."""
    shutil.copytree(training, tmp_path, dirs_exist_ok=True)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "my_network", raising=False)
    return tmp_path / "run", tmp_path / "exported"


def test_the_template_has_at_most_20_lines():
    _, _, template = EXAMPLE.read_text().partition("class MyNetwork")
    assert len([line for line in template.splitlines() if line.strip()]) <= 20


def test_a_plain_module_trains_and_its_folders_work_elsewhere(trained, echo_pair, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / EXAMPLE.name).unlink()
    outputs = []
    for folder in trained:
        moved = folder.rename(elsewhere / folder.name)
        words = ["cancel", "--model", moved.name, "--mic", echo_pair[0], "--far", echo_pair[1], "--out", "out.wav"]
        command = [sys.executable, "-c", AECBENCH, *map(str, words), "--align", "none"]
        done = subprocess.run(command, cwd=elsewhere, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        outputs.append(soundfile.read(elsewhere / "out.wav", dtype="float32")[0])
    np.testing.assert_array_equal(*outputs)
    assert np.isfinite(outputs[0]).all()
    assert np.any(outputs[0])


def test_it_becomes_an_onnx_model(aecbench, trained, echo_pair):
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    result = aecbench("export-model", "run", "--onnx", "model.onnx")
    assert result.exit_code == 0, result.output
    mic, far = (soundfile.read(path, dtype="float32")[0] for path in echo_pair)
    ours, theirs = (ab.load_system(name, "none").cancel(mic, far) for name in ("run", "model.onnx"))
    np.testing.assert_allclose(theirs, ours, atol=1e-4)
