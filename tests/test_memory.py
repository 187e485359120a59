"""Large blocks come from memory that the process has, after it was told to keep memory."""

import platform
import subprocess
import sys

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
works = keep_freed_memory(ALL)
for _ in range(3):  # until the heap has grown to its full size
    faults()
print(int(works), without, faults())
"""


def test_a_large_tensor_takes_the_pages_of_the_one_before_where_the_c_library_can_keep_them():
    result = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    works, without, kept = map(int, result.stdout.split())
    assert works == (platform.libc_ver()[0] == "glibc")
    assert kept < without / 10 or not works
