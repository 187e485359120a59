"""Systems outside the package go all the way from an empty folder: a folder with a Python file, and a program in C."""

import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

import aecbench as ab
from aecbench.cli import main

EXAMPLES = Path(ab.__file__).parents[1] / "docs" / "examples"
CODE = """
from dataclasses import dataclass


@dataclass(frozen=True)
class Quieter:
    gain: float = 1.0
    latency: int = 0

    def cancel(self, mic, far):
        return self.gain * mic
"""
CARD = """
canceller = "{name}_module:Quieter"
summary = "turns everything down, and so takes the near end along"

[parameters]
gain = 0.5
"""
PROGRAM_CARD = """
canceller = "command"
summary = "NLMS in C"

[parameters]
command = "./nlms {mic} {far} {out}"
"""


def quieter(folder: Path) -> Path:
    """A folder with a card and a module of its own, which no other test has imported."""
    folder.mkdir()
    (folder / f"{folder.name}_module.py").write_text(CODE)
    (folder / "card.toml").write_text(CARD.format(name=folder.name))
    return folder


def program(folder: Path) -> Path:
    """A folder with a card and a program."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler")
    folder.mkdir()
    subprocess.run([compiler, "-O2", "-o", folder / "nlms", EXAMPLES / "nlms.c"], check=True)
    (folder / "card.toml").write_text(PROGRAM_CARD)
    return folder


def succeed(*words):
    """Run a command that has to succeed, in this folder."""
    result = CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def beginning(tmp_path_factory, recipe_file):
    """A folder with a corpus, and a board of it with one system in boards/."""
    folder = tmp_path_factory.mktemp("beginning")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        succeed("simulate", recipe_file, "--split", "test", "--out", "corpora/toy-v1", "--jobs", 1)
        metrics = ["--metric", "erle", "--metric", "si_sdr", "--metric", "level"]
        succeed("eval", "--model", "nlms", "--corpus", "corpora/toy-v1", *metrics, "--jobs", 1, "--out", "runs/first")
        succeed("leaderboard", "new", "toy-v1", "runs/first", "--boards", "boards", "--rebuild", "aecbench simulate it")
        succeed("publish", "runs/first", "--board", "toy-v1", "--boards", "boards")
    return folder


@pytest.fixture
def run(aecbench, tmp_path, beginning):
    """Runs a command that has to succeed, in a copy of that folder."""
    shutil.copytree(beginning, tmp_path, dirs_exist_ok=True)
    return succeed


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("make", [quieter, program])
def test_from_an_empty_folder_to_a_verified_entry(run, tmp_path, make, jobs):
    model = make(tmp_path / f"{make.__name__}_{jobs}")
    run("eval", "--board", "toy-v1", "--boards", "boards", "--model", model.name, "--jobs", jobs)
    assert "are valid" in run("publish", "runs/toy-v1", "--authors", "A. Researcher", "--dry-run")
    assert f"{model.name}: version 1, not ranked" in run("publish", "runs/toy-v1", "--authors", "A. Researcher")
    again = ["--rerun", 4, "--model", model.name, "--jobs", jobs, "--seed", 3]
    output = run("leaderboard", "verify", "toy-v1", "--boards", "boards", *again)
    assert "toy-v1: intact, 2 systems" in output
    assert f"{model.name}: as published, within 0 " in output
    run("leaderboard", "build", "--boards", "boards", "--out", "site")
    assert model.name in (tmp_path / "site/toy-v1/index.html").read_text()
    text = (tmp_path / "boards/toy-v1/README.md").read_text()
    assert "| A. Researcher |" in text
    assert ("NLMS in C" if make is program else "turns everything down") in text


def test_workers_that_are_older_than_a_model_can_run_it(run, tmp_path):
    model = quieter(tmp_path / "late")
    common = ["--corpus", "corpora/toy-v1", "--metric", "level", "--jobs", 2, "--no-cache"]
    run("eval", "--model", "nlms", *common, "--out", "runs/a")
    shutil.move(model, tmp_path / "elsewhere")
    run("eval", "--model", f"mine={tmp_path / 'elsewhere'}", *common, "--out", "runs/b")
    run("cancel", "--model", tmp_path / "elsewhere", *files(tmp_path), "--out", tmp_path / "outs", "--jobs", 2)


def files(folder: Path) -> list[object]:
    import numpy as np
    import soundfile

    (folder / "recordings").mkdir()
    for name in ("a_mic", "a_lpb", "b_mic", "b_lpb"):
        soundfile.write(folder / "recordings" / f"{name}.wav", np.zeros(4000), 16_000)
    return ["--mic", folder / "recordings", "--far", folder / "recordings"]


def test_a_changed_model_is_found_by_verify_and_by_publish(run, tmp_path):
    model = quieter(tmp_path / "changing")
    run("eval", "--board", "toy-v1", "--boards", "boards", "--model", "changing", "--jobs", 1, "--out", "runs/x")
    run("publish", "runs/x")
    (model / "card.toml").write_text((model / "card.toml").read_text().replace("0.5", "0.25"))
    verify = ["leaderboard", "verify", "toy-v1", "--boards", "boards", "--rerun", 1, "--jobs", 1, "--model", "changing"]
    with pytest.raises(AssertionError, match="changing: its parameters changed after it was published"):
        run(*verify)
    with pytest.raises(AssertionError, match="not of the parameters that changing has now"):
        run("publish", "runs/x")
    shutil.move(model, tmp_path / "moved")
    with pytest.raises(AssertionError, match="was evaluated from changing, which does not exist; give its --model"):
        run("publish", "runs/x")


def test_only_the_systems_that_were_evaluated_for_the_board_are_published(run, tmp_path):
    quieter(tmp_path / "chosen")
    metrics = ["--metric", "erle", "--metric", "si_sdr", "--metric", "level"]
    common = ["--jobs", 1, "--out", "runs/both"]
    run("eval", "--model", "passthrough", "--corpus", "corpora/toy-v1", *metrics, *common)
    run("eval", "--board", "toy-v1", "--boards", "boards", "--model", "chosen", *common)
    assert "1 entries are valid: chosen;" in run("publish", "runs/both", "--authors", "me", "--dry-run")
    both = ["publish", "runs/both", "--board", "toy-v1", "--boards", "boards", "--dry-run"]
    assert "2 entries are valid: passthrough, chosen;" in run(*both)
    assert "1 entries are valid: passthrough;" in run(*both, "--system", "passthrough")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--split", "test"], "board toy-v1 determines --split"),
        (["--metric", "erle"], "board toy-v1 determines --metric"),
        (["--align", "none"], "board toy-v1 determines --align"),
        (["--corpus", "corpora/none"], "make it with: aecbench simulate it; or give its folder with --corpus"),
        (["--corpus", "corpora/other"], "and board toy-v1 is of"),
        (["--board", "toy-v2"], "did you mean 'toy-v1'"),
    ],
)
def test_what_does_not_fit_the_board_is_said_so(run, aecbench, recipe_file, words, says):
    if "corpora/other" in words:
        run("simulate", recipe_file, "--split", "test", "--scenes", 1, "--out", "corpora/other", "--jobs", 1)
    result = aecbench("eval", "--board", "toy-v1", "--boards", "boards", "--model", "nlms", *words)
    assert result.exit_code in (1, 2)
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
