"""Standard output and error that are closed or full, and the program as `python -m aecbench`."""

import errno
import json
import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_output_into_a_file_on_a_full_disk_is_one_line(aecbench, monkeypatch, number):
    def full(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(sys.modules["aecbench.cli.list_"], "show", full)  # the name in aecbench.cli is the command
    result = aecbench("list", "metrics")
    assert result.exit_code == 1
    assert result.stderr == f"aecbench: the output: cannot be written ({os.strerror(number)}); free space\n"


def test_a_corpus_is_simulated_by_the_module_without_output_and_error(recipe_file, tmp_path):
    command = [sys.executable, "-m", "aecbench", "simulate", str(recipe_file), "--out", "c", "--jobs", "2"]
    closed = subprocess.run(["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *command], cwd=tmp_path)
    assert closed.returncode == 0
    info = json.loads((tmp_path / "c/corpus.json").read_text())
    assert info["command"].startswith("python -m aecbench simulate ")
