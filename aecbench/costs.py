"""The cost of a system: parameters, multiplications, processor time, latency and memory."""

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aecbench.cancellers import abilities
from aecbench.cancellers.align import RATE
from aecbench.cancellers.base import Canceller, Streaming, final_state
from aecbench.clock import processor_time
from aecbench.errors import AecbenchError
from aecbench.signals import Array
from aecbench.systems import load_system

__all__ = ["Cost", "cost", "peak_memory", "process_peak", "real_time_factor", "scene"]

SECONDS = 10  # of audio, in each run
RUNS = 5
STATUS = Path("/proc/self/status")
PROGRAM = "import sys; from aecbench.costs import report_memory; report_memory(*sys.argv[1:])"


class Cost(NamedTuple):
    """The cost of a system on audio at 16 kHz; NaN where a number is not known."""

    parameters: float  # learnt before, and loaded
    macs: float  # multiplications of reals, with their additions, per second of audio; see abilities.Count
    rtf: float  # real-time factor: seconds of processor time per second of audio, streaming, on one core; a median
    latency: float  # algorithmic: by how much the output needs the microphone ahead [s]
    memory: float  # the most that a process has used that loads the system and runs it, Python included [bytes]


def cost(name: str, align: str = "best") -> Cost:
    """Count and time the system of a name, as `aecbench.systems.load_system` takes it. Raises AecbenchError."""
    system = load_system(name, align)
    system.check_rate(RATE, "the signal that is timed")
    counted = abilities.cost(system.canceller)
    parameters, macs = (np.nan, np.nan) if counted is None else (counted.parameters, counted.macs * RATE)
    samples = abilities.latency(system.canceller)
    latency = np.nan if samples is None else samples / RATE
    return Cost(parameters, macs, real_time_factor(system.canceller), latency, peak_memory(name, align))


def real_time_factor(canceller: Canceller, runs: int = RUNS) -> float:
    """Median over runs of the processor time per second of audio. Streaming systems run step by step."""
    mic, far = scene()
    _run(canceller, mic[:RATE], far[:RATE])  # compile what is compiled
    return float(np.median([_timed(canceller, mic, far) for _ in range(runs)])) / SECONDS


def peak_memory(name: str, align: str = "best") -> float:
    """Bytes that a process of its own has used at most. Raises AecbenchError where it failed."""
    call = [sys.executable, "-c", PROGRAM, name, align]
    done = subprocess.run(call, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": _path()})
    if done.returncode:
        raise AecbenchError(f"{name}: did not run in a process of its own: {(done.stderr.splitlines() or ['?'])[-1]}")
    return float(done.stdout.splitlines()[-1])


def report_memory(name: str, align: str) -> None:
    """Run a system and print the bytes that this process has used at most."""
    mic, far = scene()
    _run(load_system(name, align).canceller, mic, far)
    sys.stdout.write(f"{process_peak()}\n")


def scene() -> tuple[Array, Array]:
    """Microphone and far end [T] of ten seconds: noise in syllables through a room that decays, and some noise."""
    rng = np.random.default_rng(0)
    far, noise = rng.normal(size=(2, SECONDS * RATE)) * [[0.1], [0.001]]
    far *= np.sin(2 * np.pi * 3 * np.arange(far.size) / RATE) ** 2
    room = 0.3 * rng.normal(size=2000) * np.exp(-np.arange(2000) / 300)
    echo = np.convolve(np.pad(far, (800, 0)), room)[: far.size]
    return (echo + noise).astype(np.float32), far.astype(np.float32)


def _run(canceller: Canceller, mic: Array, far: Array) -> None:
    if isinstance(canceller, Streaming):
        final_state(canceller, mic, far)  # step by step
    else:
        canceller.cancel(mic, far)


def _timed(canceller: Canceller, mic: Array, far: Array) -> float:
    start = processor_time()
    _run(canceller, mic, far)
    return processor_time() - start


def process_peak() -> float:
    """Bytes of memory that this process has used at most.

    As Linux knows it of the program alone: `ru_maxrss` starts with the peak of the process that has started it.
    """
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
    return next(float(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _path() -> str:
    """Where this process finds modules, for a system of one's own."""
    return os.pathsep.join(filter(None, sys.path))
