"""The wheel carries all it needs: installed in an empty environment it runs the quickstart."""

import email
import os
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

import aecbench as ab

TOP = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(TOP)]
    subprocess.run(command, check=True, capture_output=True)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def sdist(wheel):
    """The archive that the wheel was built from."""
    return next(wheel.parent.glob("*.tar.gz"))


def test_twine_finds_no_fault_in_wheel_and_sdist(wheel, sdist):
    pytest.importorskip("twine")
    command = [sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(sdist)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_wheel_describes_itself(wheel):
    with ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/METADATA"))
        facts = email.message_from_bytes(archive.read(name))
    assert facts["Version"] == ab.__version__
    assert facts["License-Expression"] == "MIT"
    assert "Typing :: Typed" in facts.get_all("Classifier")
    required = [line for line in facts.get_all("Requires-Dist") if "extra ==" not in line]
    assert len(required) > 20
    assert [line for line in required if ">=" not in line] == []


def test_the_recipe_for_conda_requires_what_the_wheel_requires():
    required = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["dependencies"]
    bounds = sorted(line.partition(">=")[2] for line in required)
    recipe = (TOP / "packaging/conda/meta.yaml").read_text()
    listed = re.findall(r"^    - \S+ >=(\S+)$", recipe, re.MULTILINE)
    assert sorted(listed) == sorted([*bounds, "3.11", "3.11"])
    assert f'version = "{ab.__version__}"' in recipe


def test_the_oldest_dependencies_are_tested_by_files_that_exist():
    paths = re.findall(r"tests/[\w/.]+", (TOP / "packaging/lowest").read_text())
    assert len(paths) > 3
    assert [path for path in paths if not (TOP / path).exists()] == []


def test_wheel_carries_recipes_baselines_and_packs(wheel):
    names = set(ZipFile(wheel).namelist())
    assert {"aecbench/py.typed", "aecbench/_shipped/recipes/quickstart-v1.toml"} <= names
    assert {
        f"aecbench/_shipped/packs/{name}"
        for name in ("open-speech-v1.csv", "librispeech.toml", "aec-challenge/about.toml", "aec-challenge/real.csv.xz")
    } <= names
    assert {f"aecbench/_shipped/baselines/{name}/card.toml" for name in ("kalman", "deep_adaptive")} <= names
    assert "aecbench/_shipped/baselines/deep_adaptive/weights.safetensors" in names
    assert "aecbench/_shipped/leaderboards/README.md" in names


def test_quickstart_runs_from_the_wheel_in_an_empty_environment(wheel, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    scripts = tmp_path / "venv" / "bin"
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    install = [scripts / "python", "-m", "pip", "install", "-q", "-c", TOP / "constraints.txt", f"{wheel}[espeak]"]
    subprocess.run(install, check=True, capture_output=True, env=environment)
    place = tmp_path / "empty"
    place.mkdir()
    done = subprocess.run(
        [scripts / "aecbench", "quickstart"], cwd=place, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "kalman" in done.stdout
    assert {path.name for path in (place / "runs" / "quickstart-v1").glob("[!.]*")} == {
        "rows.parquet",
        "table.csv",
        "table.md",
        "table.png",
    }
