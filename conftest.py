"""Settings of the environment that have to be made before torch and Triton are imported.

Test processes share the cores: each computes on one thread, and threads that wait for others do not spin. Kernels for
a GPU are tested in Triton's interpreter on the CPU, and skipped without Triton. The modules that are imported while
tests are collected stay until the end, so no search for garbage goes through their objects, then or later.
"""

import gc
import os
from collections.abc import Generator
from importlib.util import find_spec

import pytest

gc.disable()
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ["TRITON_INTERPRET"] = "1"
collect_ignore = [] if find_spec("triton") else ["aecbench/cancellers/deep/layers/step_size_filter_gpu.py"]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Search for garbage from here on, but not in what exists already."""
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_unconfigure() -> None:
    """Search everything once more at the end, so that extension modules find no object of theirs left."""
    gc.unfreeze()
