"""Runs one system on one scene: its output, and the processor time that it takes."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from aecbench.cancellers.abilities import Facts, Trait, informed, traits
from aecbench.cancellers.base import Canceller
from aecbench.cancellers.output import checked
from aecbench.clock import processor_time
from aecbench.corpus import Corpus, Item
from aecbench.corpus.layouts.base import UNIT
from aecbench.errors import blame
from aecbench.plugins import is_outside
from aecbench.signals import Array
from aecbench.systems import System

__all__ = ["Run", "check_rates", "expected_time", "run", "warm_up"]

WARM_UP = 1  # noise that a system processes before it is timed [s]


class Run(NamedTuple):
    """The outcome of a system on a scene."""

    estimate: Array | None  # [T]; None if the system failed
    seconds: float = np.nan  # processor time [s]; NaN if the system failed, or its output was computed elsewhere
    error: str = ""  # the exception if the system failed: type, message and place
    canceller: Canceller | None = None  # the canceller as it was run on the scene; None if the system failed


def check_rates(systems: Sequence[System], scenes: Corpus) -> None:
    """Raise UsageError if a system requires another sample rate than the corpus has."""
    for rate in sorted({int(rate) for rate in scenes.scenes["rate"]}):
        for system in systems:
            system.check_rate(rate, str(scenes.path))


def expected_time(systems: Sequence[System], seconds: float) -> float:
    """Return the processor time that runs of systems are expected to take [s]: `seconds` if all of them are shipped.

    It is infinite with systems from elsewhere, whose code may end its process.
    """
    return math.inf if any(is_outside(system.target) for system in systems) else seconds


def run(system: System, item: Item, scale: float) -> Run:
    """Run a system on a scene and time it; an exception in the system becomes the `error` of the outcome.

    `scale` is the scale of the scene in its corpus, see `Corpus.scale`.
    """
    scene, (mic, far, _, echo, _), _ = item
    warm_up([system], scene.rate)
    try:
        canceller = informed(system.canceller, Facts(scene.id, scene.rate, echo, scale / UNIT))
        mic, far = mic.copy(), far.copy()  # other systems receive the same scene
        start = processor_time()
        output = canceller.cancel(mic, far)
        seconds = processor_time() - start
        estimate = checked(canceller, output, mic.shape)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # sys.exit() too
        return Run(None, error=blame(error))
    return Run(estimate, np.nan if Trait.PRECOMPUTED in traits(canceller) else seconds, canceller=canceller)


_warm: set[str] = set()


def warm_up(systems: Sequence[System], rate: int) -> None:
    """Run systems on noise, each once per process, so that compilation is not timed."""
    for system in systems:
        if system.hash not in _warm:
            _warm.add(system.hash)
            _warm_up(system, rate)


def _warm_up(system: System, rate: int) -> None:
    noise = np.random.default_rng(0).normal(size=WARM_UP * rate).astype(np.float32) / 10
    try:
        system.canceller.cancel(noise, noise)
    except KeyboardInterrupt:
        raise
    except BaseException:  # a system that fails here fails on the scenes too, where the error is recorded
        return
