"""Commands and workers look for garbage less often, and not at their end."""

import gc
import subprocess
import sys

import pytest
from joblib import delayed

from aecbench.garbage import OBJECTS
from aecbench.parallel import in_processes

SCRIPT = """
import atexit, gc
atexit.register(lambda: print(gc.get_threshold()[0], gc.get_freeze_count() > 10_000))  # the last that is called
from aecbench.cli import main
main(["list", "--json"])
"""


def test_a_command_keeps_all_objects_at_its_end():
    result = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == f"{OBJECTS} True"


def test_a_worker_looks_as_seldom_as_a_command():
    [threshold] = in_processes([delayed(gc.get_threshold)()], 2)
    assert threshold[0] == OBJECTS


def test_a_program_of_ones_own_looks_as_often_as_before():
    script = "import gc, aecbench as ab; ab.load_system('nlms'); print(gc.get_threshold()[0])"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    before = subprocess.run(
        [sys.executable, "-c", "import gc; print(gc.get_threshold()[0])"], capture_output=True, text=True
    )
    assert result.stdout == before.stdout


def test_libraries_of_torch_have_nothing_to_complain_about(tmp_path):
    pytest.importorskip("onnxscript")
    command = [sys.executable, "-m", "aecbench", "export-model", "deep_step_size", "--onnx", tmp_path / "model.onnx"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stderr == ""
