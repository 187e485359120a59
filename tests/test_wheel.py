"""The wheel carries all it needs: installed in an empty environment it runs the quickstart."""

import email
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

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


def metadata(wheel):
    with ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("/METADATA"))
        return email.message_from_bytes(archive.read(name))


def test_twine_finds_no_fault_in_wheel_and_sdist(wheel, sdist):
    pytest.importorskip("twine")
    command = [sys.executable, "-m", "twine", "check", "--strict", str(wheel), str(sdist)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_wheel_describes_itself(wheel):
    facts = metadata(wheel)
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
    assert {"aecbench/py.typed", "aecbench/_shipped/recipes/quickstart-v2.toml"} <= names
    assert {
        f"aecbench/_shipped/packs/{name}"
        for name in ("open-speech-v1.csv", "librispeech.toml", "aec-challenge/about.toml", "aec-challenge/real.csv.xz")
    } <= names
    assert {f"aecbench/_shipped/baselines/{name}/card.toml" for name in ("kalman", "deep_adaptive")} <= names
    assert "aecbench/_shipped/baselines/deep_adaptive/weights.safetensors" in names
    assert "aecbench/_shipped/leaderboards/README.md" in names


def required(lines, extras):
    """The names of the packages that a list of requirements names, and of what those require, with some extras."""
    found = set()
    for requirement in map(Requirement, lines):
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": e}) for e in ("", *extras)):
            inner = distribution(requirement.name).requires or ()
            found |= {requirement.name} | required(inner, requirement.extras)
    return found


def share_compiled(package):
    """Give an installed package what numba has compiled of this one: it looks at the contents of the source only."""
    for cache in (TOP / "aecbench").rglob("__pycache__/*.nb[ic]"):
        target = package / cache.relative_to(TOP / "aecbench")
        target.parent.mkdir(exist_ok=True)
        shutil.copy(cache, target)


def shorten_quickstart(package):
    """Take scenes out of the installed recipe: every system runs, on fewer of them."""
    recipe = package / "_shipped" / "recipes" / "quickstart-v2.toml"
    text = recipe.read_text()
    assert "test = 20\n" in text
    recipe.write_text(text.replace("test = 20\n", "test = 2\n"))


@pytest.fixture
def environment(wheel, tmp_path):
    """An environment with the wheel, what it says that it requires as it is installed here, and nothing else."""
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv" / "bin" / "python"
    (site,) = (tmp_path / "venv").glob("lib/python*/site-packages")
    for name in required(metadata(wheel).get_all("Requires-Dist"), {"espeak"}):
        package = distribution(name)
        for entry in {file.parts[0] for file in package.files if ".." not in file.parts} - {"__pycache__"}:
            if not (site / entry).exists():
                (site / entry).symlink_to(package.locate_file(entry))
    pip = [sys.executable, "-m", "pip", "--python", python]
    subprocess.run([*pip, "install", "-q", "--no-deps", "--no-index", wheel], check=True, capture_output=True)
    share_compiled(site / "aecbench")
    shorten_quickstart(site / "aecbench")
    checked = subprocess.run([*pip, "check"], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    return python.parent


def test_quickstart_runs_from_the_wheel_in_an_environment_of_what_it_requires(environment, tmp_path):
    (tmp_path / "empty").mkdir()
    done = subprocess.run(
        [environment / "aecbench", "quickstart"],
        cwd=tmp_path / "empty",
        env={key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "NUMBA_CACHE_DIR")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "kalman" in done.stdout
    assert {path.name for path in (tmp_path / "empty" / "runs" / "quickstart-v2").glob("[!.]*")} == {
        "rows.parquet",
        "table.csv",
        "table.md",
        "table.png",
    }
