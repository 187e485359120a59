"""Compiled functions: machine code from the cache is used only as long as it is up to date."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import aecbench

CALLER = """
from aecbench.dsp.compile import compiled
from package import called

@compiled
def double(x):
    return 2 * called.called(x)
"""
CALLED = """
from aecbench.dsp.compile import compiled
from package.constants import OFFSET

@compiled
def called(x):
    return x + OFFSET
"""
RUN = """
from package.caller import double
print(double(1), sum(double.stats.cache_hits.values()))
"""


@pytest.fixture
def run(tmp_path):
    """A call of the compiled function of a package, in a new process: its result, and the hits of the cache."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package/__init__.py").write_text("")

    def call():
        paths = os.pathsep.join([str(tmp_path), str(Path(aecbench.__file__).parents[1])])
        environment = os.environ | {"PYTHONPATH": paths, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
        done = subprocess.run([sys.executable, "-c", RUN], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return [int(number) for number in done.stdout.split()]

    return call


def test_code_is_compiled_again_when_a_constant_of_a_called_function_changes(run, tmp_path):
    package = tmp_path / "package"
    (package / "caller.py").write_text(CALLER)
    (package / "called.py").write_text(CALLED)
    (package / "constants.py").write_text("OFFSET = 1")
    assert run() == [4, 0]
    assert run() == [4, 1]
    (package / "constants.py").write_text("OFFSET = 2")
    assert run() == [6, 0]
