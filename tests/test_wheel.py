"""The wheel carries all it needs: installed in an empty environment it runs the quickstart."""

import os
import subprocess
import sys
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

TOP = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(TOP)]
    subprocess.run(command, check=True, capture_output=True)
    return next(out.glob("*.whl"))


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
