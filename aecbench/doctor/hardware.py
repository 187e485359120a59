"""The machine: processor, memory, disk and GPUs."""

import importlib
import json
import os
import platform
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from aecbench import provenance

__all__ = ["Graphics", "Machine", "graphics", "machine"]

SIMD = ("sse4.2", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512vnni", "neon", "sve", "sve2")  # worth reporting
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS", "LOKY_MAX_CPU_COUNT")
PATIENCE = 120  # longest time for importing torch [s]
TORCH = """
import json, torch
gpus = [torch.cuda.get_device_properties(n) for n in range(torch.cuda.device_count())]
for device in ("cpu", *(f"cuda:{n}" for n in range(len(gpus)))):
    ones = torch.ones(8, 8, device=device)
    if (ones @ ones).sum().item() != 512:
        raise SystemExit(f"{device} multiplies wrongly")
print(json.dumps([torch.version.cuda, [[gpu.name, gpu.total_memory] for gpu in gpus]]))
"""


class Machine(NamedTuple):
    """The machine. Memory is in bytes; None is unknown."""

    system: str
    cpu: str
    cores: int
    usable: int  # cores that cgroups, affinity and LOKY_MAX_CPU_COUNT allow this process to use
    numpy_simd: list[str]  # SIMD extensions that numpy uses
    numba_target: str | None  # the processor for which numba compiles
    numba_simd: list[str]  # those of SIMD that this processor has
    threads: dict[str, str]  # environment variables that limit threads
    memory: int | None
    available: int | None
    disk: int  # free space in the current folder


class Graphics(NamedTuple):
    """The GPUs that torch finds."""

    cuda: str | None  # version with which torch was built
    gpus: list[tuple[str, int]]  # name and memory [bytes]
    failure: str  # why torch cannot be used


def machine() -> Machine:
    """Return facts about processor, memory and disk."""
    import joblib

    facts = provenance.machine()
    memory, available = _memory()
    target, features = _target()
    return Machine(
        system=platform.platform(),
        cpu=str(facts["cpu"]),
        cores=int(facts["cores"]),
        usable=joblib.cpu_count(),
        numpy_simd=_simd(),
        numba_target=target,
        numba_simd=features,
        threads={name: os.environ[name] for name in THREADS if name in os.environ},
        memory=memory,
        available=available,
        disk=shutil.disk_usage(Path.cwd()).free,
    )


def _simd() -> list[str]:
    try:
        import numpy as np
    except ImportError:
        return []
    config: Any = np.show_config(mode="dicts")
    extensions = config.get("SIMD Extensions", {})
    return [*extensions.get("baseline", []), *extensions.get("found", [])]


def _target() -> tuple[str | None, list[str]]:
    try:
        binding = importlib.import_module("llvmlite.binding")
        features = binding.get_host_cpu_features()
        return str(binding.get_host_cpu_name()), [name for name in SIMD if features.get(name)]
    except (ImportError, OSError, RuntimeError):  # numba is broken, or LLVM does not know this processor
        return None, []


def _memory() -> tuple[int | None, int | None]:
    """Return total and available memory [bytes] on Linux; elsewhere the total from POSIX and None, or twice None."""
    try:
        rows = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        total, available = (int(rows[name].split()[0]) * 1024 for name in ("MemTotal", "MemAvailable"))
    except (OSError, KeyError, ValueError):
        with suppress(AttributeError, ValueError, OSError):  # no such function on Windows
            return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), None
        return None, None
    return total, available


def graphics() -> Graphics:
    """Multiply matrices with torch on the processor and on every GPU, in a separate process, and return the GPUs."""
    try:
        done = subprocess.run([sys.executable, "-c", TORCH], capture_output=True, text=True, timeout=PATIENCE)
        if done.returncode:
            return Graphics(None, [], (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1])
    except (OSError, subprocess.TimeoutExpired) as error:
        return Graphics(None, [], str(error))
    cuda, gpus = json.loads(done.stdout)
    return Graphics(cuda, [(name, memory) for name, memory in gpus], "")
