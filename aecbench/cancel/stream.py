"""Runs a system on signals as they arrive: block by block, at any rate, in constant memory."""

import time
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np

from aecbench.cancel.timing import Timing
from aecbench.cancellers.abilities import latency, needs_facts, streaming
from aecbench.cancellers.align import RATE
from aecbench.cancellers.base import Streaming
from aecbench.cancellers.output import cancelled
from aecbench.cancellers.steps import Steps
from aecbench.dsp.audio import resampled
from aecbench.errors import AecbenchError, UsageError, blamed
from aecbench.signals import Array
from aecbench.systems import System

__all__ = ["check", "stream", "streams", "timing", "warm_up"]


def streams(system: System) -> bool:
    """Return whether a system runs block by block; others process a recording as a whole, and need memory for it."""
    return streaming(system.canceller) is not None


def check(system: System) -> None:
    """Raise UsageError for a system that cannot run on recordings because it needs other facts or another rate."""
    if needs_facts(system.canceller):
        raise UsageError(
            f"{system.name} needs facts about a scene, such as its true echo, which only a corpus has; evaluate it "
            f"with aecbench eval"
        )
    system.check_rate(RATE, "what a recording becomes for a system")


def timing(system: System) -> Timing:
    """Return an empty timing for a system."""
    parts, samples = streaming(system.canceller), latency(system.canceller)
    return Timing(parts and parts[0].block / RATE, None if samples is None else samples / RATE)


def stream(system: System, blocks: Iterable[Array], rate: int, timing: Timing) -> Iterator[Array]:
    """Yield the output of a system for blocks [N, 2] of microphone and far end at `rate` Hz: float32 [M] at that rate.

    There are as many samples as in the input, with the same values as from `cancel` on the whole signal. With
    streaming systems, samples are yielded as soon as they are available. Raises AecbenchError for a system that fails,
    or whose output is not finite.
    """
    samples_in = samples_out = 0

    def counted() -> Iterator[Array]:
        nonlocal samples_in
        for block in blocks:
            samples_in += len(block)
            yield block

    parts = streaming(system.canceller)
    at_rate = resampled(counted(), rate, RATE, channels=2)
    out = _whole(system, at_rate, timing) if parts is None else _steps(system, *parts, at_rate, timing)
    for y in resampled(out, RATE, rate):
        if y.size:
            timing.behind = max(timing.behind, (samples_in - samples_out) / rate)
            yield y[: samples_in - samples_out]  # resampling in both directions may add or lose a sample
            samples_out += min(y.size, samples_in - samples_out)
    yield np.zeros(samples_in - samples_out, np.float32)


def warm_up(system: System) -> None:
    """Run a system on a second of noise, so that it compiles and loads what it needs."""
    noise = np.random.default_rng(0).normal(size=(RATE, 2)).astype(np.float32) / 100
    for _ in stream(system, [noise], RATE, timing(system)):
        pass


def _steps(
    system: System, canceller: Streaming[Any], late: int, blocks: Iterable[Array], timing: Timing
) -> Iterator[Array]:
    """Yield the output of `canceller.cancel` at 16 kHz, step by step.

    The far end is delayed by `late` samples; if `late` is negative, the microphone is delayed.
    """
    with blamed(system.name):
        steps = Steps(canceller, late)
    skip = canceller.delay + max(0, -late)
    due = 0  # input samples for which no output has been yielded yet
    for block in chain(blocks, [None]):
        due += 0 if block is None else len(block)
        outputs = steps.finish() if block is None else steps.push(*block.T)
        out = np.concatenate([np.zeros(0, np.float32), *_timed(system.name, outputs, timing)])
        if not np.isfinite(out).all():
            raise AecbenchError(f"{system.name}: its output is not finite; it cannot be used on this recording")
        ready = out[skip:][:due]
        yield ready
        skip, due = max(0, skip - out.size), due - ready.size


def _timed(name: str, outputs: Iterator[Array], timing: Timing) -> Iterator[Array]:
    """Yield the outputs of steps, and count the time that each of them takes."""
    while True:
        began = time.perf_counter()
        with blamed(name):
            out = next(outputs, None)
        if out is None:
            return
        timing.add(time.perf_counter() - began, out.size / RATE)
        yield out


def _whole(system: System, blocks: Iterable[Array], timing: Timing) -> Iterator[Array]:
    """Yield the output at 16 kHz, computed from the whole signal at once."""
    mic, far = np.concatenate(list(blocks)).T
    began = time.perf_counter()
    out = cancelled(system.name, system.canceller, np.ascontiguousarray(mic), np.ascontiguousarray(far))
    timing.add(time.perf_counter() - began, mic.size / RATE)
    yield out
