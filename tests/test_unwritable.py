"""Places that cannot be written: said before the work begins; what is only a cache is done without."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import aecbench as package

COMPILE = (
    "from aecbench.systems import load_system; import os; load_system('kalman'); print(os.environ['NUMBA_CACHE_DIR'])"
)


def a_file_for_runs():
    Path("runs").write_text("")


def a_file_for_the_cache():
    Path("runs").mkdir()
    Path("runs/cache").write_text("")


def a_link_to_nowhere():
    Path("runs").symlink_to("/nowhere/at/all")


@pytest.mark.parametrize("block", [a_file_for_runs, a_file_for_the_cache, a_link_to_nowhere], ids=lambda f: f.__name__)
@pytest.mark.parametrize("command", ["eval", "compare"])
def test_scores_are_not_kept_where_they_cannot_be(aecbench, corpus, block, command):
    block()
    models = ["--model", "passthrough", "--out", "results"] if command == "eval" else ["passthrough", "oracle"]
    result = aecbench(command, *models, "--corpus", corpus.path, "--metric", "erle", "--jobs", 1)
    assert result.exit_code == 0, result.stderr
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("aecbench: ")]
    assert line.startswith("aecbench: runs/cache: cannot be written (")
    assert line.endswith("); no scores are kept")
    assert Path("results/table.csv").exists() == (command == "eval")


@pytest.mark.parametrize("option", ["--out", "--plots", "--save-audio"])
def test_a_place_for_results_is_tried_before_the_work(aecbench, corpus, monkeypatch, option):
    monkeypatch.setattr("aecbench.evaluation.evaluate", lambda *_, **__: pytest.fail("the work has begun"))
    Path("taken").write_text("")
    result = aecbench("eval", "--model", "passthrough", "--corpus", corpus.path, option, "taken")
    assert result.exit_code == 1
    assert result.stderr.startswith("aecbench: taken: cannot be written (Not a directory); choose another place")


def test_a_cache_that_cannot_be_read_is_one_line(aecbench, corpus):
    options = ["--corpus", corpus.path, "--metric", "erle", "--jobs", 1, "--out", "results"]
    assert aecbench("eval", "--model", "passthrough", *options).exit_code == 0
    for kept in Path("runs/cache").glob("*.jsonl"):  # of the system, and of the oracle
        kept.unlink()
        kept.mkdir()
    result = aecbench("eval", "--model", "passthrough", *options)
    assert result.exit_code == 1
    assert result.stderr.endswith("cannot be read (Is a directory); cache no scores: --no-cache\n")


def mounted(program, read_only, place):
    """Run a shell script in which some folders are read-only, in name spaces of its own."""
    lines = [f"mount --bind {path} {path} && mount -o remount,ro,bind {path}" for path in read_only]
    script = "\n".join(["set -e", *lines, f"cd {place}", program])
    done = subprocess.run(["unshare", "--mount", "bash", "-c", script], capture_output=True, text=True)
    if "unshare failed" in done.stderr or "permission denied" in done.stderr:
        pytest.skip("mounting needs root")
    return done


def test_eval_in_a_folder_that_is_read_only_writes_elsewhere(corpus, tmp_path):
    closed, results = tmp_path / "closed", tmp_path / "results"
    closed.mkdir()
    main = (
        f"{sys.executable} -c 'from aecbench.cli import main; main()' eval --model passthrough --metric erle --jobs 1"
    )
    done = mounted(f"{main} --corpus {corpus.path} --out {results}", [closed], closed)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "aecbench: runs/cache: cannot be written (Read-only file system); no scores are kept\n"
    assert (results / "table.csv").exists()


def test_compiled_code_goes_elsewhere_where_package_and_home_are_read_only(tmp_path):
    home, code = tmp_path / "home", Path(package.__file__).parent
    home.mkdir()
    environment = f"HOME={home} XDG_CACHE_HOME= PYTHONPATH={code.parent} PYTHONDONTWRITEBYTECODE=1"
    run = f'{environment} {sys.executable} -c "{COMPILE}"'
    done = mounted(f"unset NUMBA_CACHE_DIR; {run}", [home, code], home)
    assert done.returncode == 0, done.stderr
    assert not Path(done.stdout.strip()).exists()


def test_compiled_code_stays_where_it_can_be_written(tmp_path):
    program = "import os, aecbench; print('NUMBA_CACHE_DIR' in os.environ)"
    environment = {**os.environ, "HOME": "/proc", "XDG_CACHE_HOME": str(tmp_path)}
    environment.pop("NUMBA_CACHE_DIR", None)
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.stdout == "False\n"
