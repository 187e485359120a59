"""aecbench doctor: what it finds, what it says of what is broken, and what it does not tell."""

import getpass
import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from aecbench import __version__, doctor
from aecbench.doctor import hardware, packages, selftest
from aecbench.report.doctor import FENCE

TOP = Path(__file__).parents[2]
DEVELOPERS = {"test", "docs"}


@pytest.fixture
def quick(monkeypatch):
    """Without torch, which takes long to be imported."""
    monkeypatch.setattr(doctor, "graphics", lambda: doctor.Graphics(None, [], ""))


def lacking(monkeypatch, name: str) -> None:
    """Let a distribution be as if it were not installed."""
    version = packages.version

    def found(asked: str) -> str:
        if asked == name:
            raise PackageNotFoundError(asked)
        return version(asked)

    monkeypatch.setattr(packages, "version", found)


def test_a_small_scene_comes_through_and_its_echo_goes(aecbench):
    result = aecbench("doctor")
    assert result.exit_code == 0, result.output
    lines = result.stdout.partition(FENCE)[0]
    steps = re.findall(r"^(\w+) +ok, \S+ s, the second time \S+ s: (.*)$", lines, re.MULTILINE)
    assert [name for name, _ in steps] == list(doctor.STEPS)
    assert "erle" in steps[-1][1]


def test_every_extra_of_the_project_is_explained():
    extras = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(doctor.PURPOSES) == set(extras) - DEVELOPERS


def test_what_is_not_installed_comes_with_the_line_that_installs_it(aecbench, monkeypatch):
    lacking(monkeypatch, "optuna")
    result = aecbench("doctor", "--no-test")
    assert result.exit_code == 0
    assert "tune     search of parameters: not installed; run: pip install 'aecbench[tune]'\n" in result.stdout


def test_what_is_needed_and_not_installed_is_a_failure(aecbench, monkeypatch):
    lacking(monkeypatch, "pesq")
    result = aecbench("doctor", "--no-test", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (found["ok"], found["failed"]) == (False, ["pesq is not installed"])
    assert "pesq" in result.stderr


def test_torch_that_cannot_be_imported_is_a_failure(aecbench, monkeypatch):
    monkeypatch.setattr(hardware, "TORCH", "import no_such_torch")
    monkeypatch.setattr(selftest, "STEPS", {})
    result = aecbench("doctor")
    assert result.exit_code == 1
    assert "no_such_torch" in result.stderr


def fail(_):
    raise ValueError("broken\nwheel")


def crash(_):
    os.kill(os.getpid(), signal.SIGKILL)


def drift(_, counted=iter(range(9))):  # noqa: B008
    return next(counted), ""


@pytest.mark.parametrize(
    ("step", "words"), [(fail, "ValueError: broken wheel"), (crash, "SIGKILL"), (drift, "different results")]
)
def test_a_step_that_fails_or_dies_is_told_and_is_the_last(aecbench, quick, monkeypatch, step, words):
    monkeypatch.setattr(selftest, "STEPS", {"bad": step, "next": fail})
    result = aecbench("doctor", "--json")
    (told,) = json.loads(result.stdout)["test"]
    assert result.exit_code == 1
    assert words in told["result"]
    assert words in result.stderr


def test_it_ends_in_a_block_to_paste_which_names_neither_people_nor_folders(aecbench):
    text = aecbench("doctor", "--no-test").stdout
    *_, block, end = text.split(FENCE)
    assert end == "\n"
    for word in (f"aecbench {__version__}", "Python 3", "numpy ", "numba ", "cores", "memory: ", "disk: ", "torch: "):
        assert word in block
    for secret in (str(Path.home()), str(Path.cwd()), sys.prefix, f"/{getpass.getuser()}/"):
        assert secret not in text


def test_gpus_are_told_with_their_memory(aecbench, monkeypatch):
    monkeypatch.setattr(doctor, "graphics", lambda: doctor.Graphics("12.8", [("Big", 150_000_000_000)] * 2, ""))
    monkeypatch.setattr(selftest, "STEPS", {})
    assert "torch: CUDA 12.8, Big (150 GB), Big (150 GB)\n" in aecbench("doctor").stdout


def test_json_holds_all_of_it(aecbench):
    found = json.loads(aecbench("doctor", "--no-test", "--json").stdout)
    assert {"ok", "versions", "commit", "parts", "machine", "torch", "test"} <= set(found)
    assert found["versions"]["numpy"]
    assert found["machine"]["usable"] >= 1
    assert found["torch"] is None  # not tried, since that alone takes seconds


def test_it_runs_where_what_it_examines_cannot_be_imported():
    program = (
        "import sys\nsys.modules |= dict.fromkeys(['numpy', 'numba', 'llvmlite', 'scipy', 'h5py', 'torch'])\n"
        "from aecbench.cli import main; main(['doctor', '--no-test'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "numba None" in done.stdout
