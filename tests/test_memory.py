"""Large blocks come from memory that the process has, after it was told to keep memory."""

import subprocess
import sys

import pytest

SCRIPT = """
import resource
import torch
from aecbench.memory import ALL, keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(5):
        torch.ones(10_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

without = faults()
assert keep_freed_memory(ALL)
for _ in range(3):  # until the heap has grown to its full size
    faults()
print(without, faults())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a setting of the C library of Linux")
def test_a_large_tensor_takes_the_pages_of_the_one_before():
    result = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    without, kept = map(int, result.stdout.split())
    assert kept < without / 10
