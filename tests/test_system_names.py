"""The names of systems: as the user wants them, wherever a model is taken, and in every table."""

import pickle
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
import soundfile

from aecbench.errors import AecbenchError, ConfigError, UsageError
from aecbench.evaluation import evaluate
from aecbench.metrics import METRICS
from aecbench.systems import load_predictions, load_system, split_name

CODE = "class Quieter:\n    latency = 0\n\n    def cancel(self, mic, far):\n        return {gain} * mic\n"


@pytest.fixture
def model(tmp_path):
    """Writes a folder with a card and a module of its own."""

    def write(folder, module, gain=0.5):
        place = tmp_path / folder
        place.mkdir(parents=True)
        (place / f"{module}.py").write_text(CODE.format(gain=gain))
        (place / "card.toml").write_text(f'canceller = "{module}:Quieter"\nsummary = "quieter"\n')
        return place

    return write


@pytest.fixture
def tuned(tmp_path):
    """The folder runs/tune/kalman, as aecbench tune would make it."""
    folder = tmp_path / "runs" / "tune" / "kalman"
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text('canceller = "kalman"\nsummary = "kalman, tuned"\n')
    return folder


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("kalman", ("", "kalman")),
        ("mine=kalman", ("mine", "kalman")),
        ("Kalman (ours)=runs/tune/kalman", ("Kalman (ours)", "runs/tune/kalman")),
        ("c=command:prog --mic={mic} {far} {out}", ("c", "command:prog --mic={mic} {far} {out}")),
        ("command:prog --mic={mic} {far} {out}", ("", "command:prog --mic={mic} {far} {out}")),
        ("runs/rate=0.1/best", ("", "runs/rate=0.1/best")),
        ("my.module:Class", ("", "my.module:Class")),
        ("=kalman", ("", "=kalman")),
    ],
)
def test_a_name_stands_in_front_of_a_model(text, expected):
    assert split_name(text) == expected


def test_a_folder_with_an_equals_sign_is_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rate=0.1").mkdir()
    assert split_name("rate=0.1") == ("", "rate=0.1")


def test_a_name_changes_nothing_else():
    plain, named = load_system("kalman"), load_system("mine=kalman")
    assert (named.name, named.hash, named.model) == ("mine", plain.hash, "kalman")


def test_predictions_have_names_too(tmp_path):
    soundfile.write(tmp_path / "test-000000.wav", np.zeros(100), 16_000)
    assert load_predictions(f"theirs={tmp_path}").name == "theirs"
    assert load_predictions(tmp_path).name == tmp_path.name


@pytest.mark.parametrize("layout", ["md", "csv", "latex", "html", "json"])
def test_a_tuned_system_stands_beside_the_one_it_was(aecbench, corpus, tuned, layout):
    models = ["--model", "tuned=runs/tune/kalman", "--model", "kalman"]
    options = ["--metric", "level", "--jobs", 1, "--format", layout, "--save-audio", "audio", "--scene", "test/000000"]
    result = aecbench("eval", *models, "--corpus", corpus.path, *options)
    assert result.exit_code == 0, result.output
    assert "tuned" in result.stdout
    assert {"tuned.wav", "kalman.wav"} <= {path.name for path in (tuned.parents[2] / "audio/test-000000").iterdir()}


def test_two_systems_of_one_name_are_refused_with_the_way_out(aecbench, corpus, tuned):
    result = aecbench("eval", "--model", "kalman", "--model", "runs/tune/kalman", "--corpus", corpus.path)
    assert result.exit_code == 2
    assert "'kalman': kalman and runs/tune/kalman; name one, as in NAME=runs/tune/kalman" in result.stderr


def test_every_command_takes_a_name(aecbench, corpus, tuned, echo_pair, tmp_path):
    tuned_name = "tuned=runs/tune/kalman"
    recording = ["--mic", echo_pair[0], "--far", echo_pair[1], "--out", "o.wav", "--json"]
    common = ["--corpus", corpus.path, "--metric", "level", "--jobs", 1]
    for words, says in (
        (["cost", tuned_name, "kalman"], "tuned"),
        (["compare", tuned_name, "kalman", *common], "tuned - kalman"),
        (["cancel", "--model", tuned_name, *recording], "tuned"),
    ):
        result = aecbench(*words)
        assert result.exit_code == 0, result.output
        assert says in result.stdout


def test_a_system_is_unpickled_in_a_process_that_knows_nothing_of_its_folder(model, tmp_path):
    system = load_system(f"mine={model('m', 'module_for_pickle')}")
    (tmp_path / "system").write_bytes(pickle.dumps(system))
    program = "import pickle, sys; print(pickle.load(open(sys.argv[1], 'rb')).cancel([2.0], [0.0]))"
    done = subprocess.run([sys.executable, "-c", program, tmp_path / "system"], capture_output=True, text=True)
    assert done.stdout == "[1.]\n", done.stderr


def test_a_canceller_that_workers_cannot_import_is_one_line(corpus, monkeypatch):
    module = ModuleType("module_of_no_file")
    exec(CODE.format(gain=1), module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with pytest.raises(AecbenchError, match=r"cannot read its work \(.*module_of_no_file"):
        evaluate("module_of_no_file:Quieter", corpus, {"level": METRICS["level"]}, jobs=2)


def test_two_folders_with_different_modules_of_one_name_are_not_taken_for_each_other(model):
    load_system(model("first", "module_of_two"))
    load_system(model("copy", "module_of_two"))
    with pytest.raises(ConfigError, match=r"first/module_of_two\.py is imported as 'module_of_two', not .*second"):
        load_system(model("second", "module_of_two", gain=0.25))


def test_a_card_of_a_command_runs_the_program_in_its_folder(tmp_path, corpus):
    folder = tmp_path / "copier"
    folder.mkdir()
    (folder / "copy.sh").write_text('#!/bin/sh\ncat gain.txt && cp "$1" "$3"\n')
    (folder / "copy.sh").chmod(0o755)
    (folder / "gain.txt").write_text("1")
    card = 'canceller = "command"\nsummary = "copies"\n[parameters]\ncommand = "./copy.sh {mic} {far} {out}"\n'
    (folder / "card.toml").write_text(card)
    system = load_system(folder, "none")
    signals = corpus[0].signals
    np.testing.assert_allclose(system.cancel(signals.mic, signals.far), signals.mic, atol=1e-4)
    assert (system.name, system.summary) == ("copier", "copies")
    assert system.parameters == {"command": "./copy.sh {mic} {far} {out}"}
    (folder / "card.toml").write_text(card.replace("./copy", "./copi"))
    with pytest.raises(UsageError, match=r"no program '\./copi\.sh'"):
        load_system(folder)
    (folder / "card.toml").write_text(card.replace("command =", "comand ="))
    with pytest.raises(ConfigError, match="unknown parameter 'comand': did you mean 'command'"):
        load_system(folder)
