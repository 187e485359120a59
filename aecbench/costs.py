"""The cost of a system: parameters, multiplications, processor time, latency and memory."""

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aecbench.cancellers import abilities
from aecbench.cancellers.abilities import Trait, sample_rates
from aecbench.cancellers.align import RATE
from aecbench.cancellers.base import Canceller, Streaming, final_state
from aecbench.cancellers.output import cancelled
from aecbench.clock import processor_time
from aecbench.errors import AecbenchError
from aecbench.signals import Array
from aecbench.systems import System, load_system

__all__ = ["Cost", "cost", "peak_memory", "process_peak", "real_time_factor", "scene"]

SECONDS = 10  # duration of the audio in each run [s]
RUNS = 5
STATUS = Path("/proc/self/status")
PROGRAM = "import sys; from aecbench.costs import report_memory; report_memory(*sys.argv[1:])"


class Cost(NamedTuple):
    """The cost of a system for audio at 16 kHz, or at the rate that it requires; unknown numbers are NaN."""

    parameters: float  # number of trained weights
    macs: float  # multiply-accumulate operations per second of audio; see abilities.Count
    rtf: float  # real-time factor: seconds of processor time per second of audio, streaming, on one core; a median
    latency: float  # algorithmic latency [s]
    memory: float  # peak memory of a process that loads and runs the system, with Python [bytes]; NaN for programs


def cost(name: str, align: str = "best") -> Cost:
    """Measure the cost of the system `name`, as for `aecbench.systems.load_system`.

    Raises AecbenchError, also for a system that fails or whose output is not finite or not as long as the microphone.
    """
    system = load_system(name, align)
    rate = _rate(system)
    system.check_rate(rate, "the signal that is timed")
    cancelled(system.name, system.canceller, *(x[:rate] for x in scene(rate)))
    counted = abilities.cost(system.canceller)
    parameters, macs = (np.nan, np.nan) if counted is None else (counted.parameters, counted.macs * rate)
    samples = abilities.latency(system.canceller)
    latency = np.nan if samples is None else samples / rate
    outside = Trait.SEPARATE_PROCESS in abilities.traits(system.canceller)
    memory = np.nan if outside else peak_memory(name, align)
    return Cost(parameters, macs, real_time_factor(system.canceller, rate=rate), latency, memory)


def real_time_factor(canceller: Canceller, runs: int = RUNS, rate: int = RATE) -> float:
    """Return the median over runs of the processor time per second of audio; streaming systems run step by step."""
    mic, far = scene(rate)
    _run(canceller, mic[:rate], far[:rate])  # so that compilation is not timed
    return float(np.median([_timed(canceller, mic, far) for _ in range(runs)])) / SECONDS


def peak_memory(name: str, align: str = "best") -> float:
    """Return the peak memory [bytes] of a separate process that runs the system. Raises AecbenchError if it fails."""
    call = [sys.executable, "-c", PROGRAM, name, align]
    done = subprocess.run(call, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": _path()})
    if done.returncode:
        raise AecbenchError(f"{name}: did not run in a process of its own: {(done.stderr.splitlines() or ['?'])[-1]}")
    return float(done.stdout.splitlines()[-1])


def report_memory(name: str, align: str) -> None:
    """Run a system and print the peak memory of this process [bytes]."""
    system = load_system(name, align)
    _run(system.canceller, *scene(_rate(system)))
    sys.stdout.write(f"{process_peak()}\n")


def scene(rate: int = RATE) -> tuple[Array, Array]:
    """Return microphone and far end [T] of ten seconds: noise in syllables through a decaying room, and some noise.

    Both stay within full scale.
    """
    rng = np.random.default_rng(0)
    far, noise = rng.normal(size=(2, SECONDS * rate)) * [[0.1], [0.001]]
    far *= np.sin(2 * np.pi * 3 * np.arange(far.size) / rate) ** 2
    room = 0.1 * rng.normal(size=2000) * np.exp(-np.arange(2000) / 300)
    echo = np.convolve(np.pad(far, (800, 0)), room)[: far.size]
    return (echo + noise).astype(np.float32), far.astype(np.float32)


def _rate(system: System) -> int:
    """Return the sample rate [Hz] that a system requires, or 16 kHz."""
    return min(sample_rates(system.canceller), default=RATE)


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
    """Return the peak memory of this process [bytes].

    On Linux, VmHWM is read, because `ru_maxrss` starts with the peak of the parent process.
    """
    try:
        lines = STATUS.read_text().splitlines()
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
    return next(float(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _path() -> str:
    """Return the module search path of this process, so that a user's own system is found."""
    return os.pathsep.join(filter(None, sys.path))
