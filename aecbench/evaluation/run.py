"""One system on one scene: its output, the processor time it took, and what its filter has learnt by the end."""

from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from aecbench.cancellers.abilities import Facts, Shifts, Trait, impulse_response, informed, streaming, traits
from aecbench.cancellers.base import Canceller, Streaming
from aecbench.clock import processor_time
from aecbench.corpus import Item
from aecbench.corpus.layouts.base import UNIT
from aecbench.signals import Array
from aecbench.systems import System

__all__ = ["Run", "run"]

WARM_UP = 1  # [s] of noise in which a system compiles what it compiles


class Run(NamedTuple):
    """The outcome of a system on a scene."""

    estimate: Array | None  # [T]; None where the system failed
    seconds: float = np.nan  # of processor time; NaN where the system failed, or its output was computed elsewhere
    error: str = ""
    response: Array | None = None  # [L] impulse response of the filter at the end; None where it is not linear


def run(system: System, item: Item, scale: float, *, response: bool = False) -> Run:
    """Run a system on a scene and time it; with `response`, also read what its filter has learnt.

    `scale` is the scale of the scene in its corpus, see `Corpus.scale`.
    """
    scene, (mic, far, _, echo, _), _ = item
    _warm_up(system, scene.rate)
    try:
        canceller = informed(system.canceller, Facts(scene.id, scene.rate, echo, scale / UNIT))
        watched, shift = _watched(canceller, mic.size) if response else (None, 0)
        if watched is not None:
            canceller = canceller.with_inner(watched) if isinstance(canceller, Shifts) else watched
        mic, far = mic.copy(), far.copy()  # other systems get the same scene
        start = processor_time()
        estimate = np.asarray(canceller.cancel(mic, far))
        seconds = processor_time() - start
    except Exception as error:
        return Run(None, error=f"{type(error).__name__}: {error}")
    if Trait.PRECOMPUTED in traits(canceller):
        seconds = np.nan
    learnt = None if watched is None else impulse_response(watched.inner, watched.state)
    return Run(estimate, seconds, response=None if learnt is None else _shifted(learnt.reshape(-1), shift))  # of [1, L]


def _watched(canceller: Canceller, samples: int) -> "tuple[Watched | None, int]":
    """Return the part of a canceller that streams, watched, and the delay of its far end; None if there is none."""
    parts = streaming(canceller)
    return (None, 0) if parts is None else (Watched(parts[0], samples), parts[1])


class Watched(Streaming[Any]):
    """A canceller that streams, and keeps its state after the last whole block of a signal."""

    def __init__(self, inner: Streaming[Any], samples: int) -> None:
        self.inner, self.blocks = inner, samples // inner.block  # blocks that are still to come
        self.state: Any = None

    @property
    def block(self) -> int:
        """Return the value of the canceller."""
        return self.inner.block

    @property
    def latency(self) -> int:
        """Return the value of the canceller."""
        return self.inner.latency

    @property
    def delay(self) -> int:
        """Return the value of the canceller."""
        return self.inner.delay

    def init(self, batch: tuple[int, ...]) -> Any:
        """Return the state of the canceller before the first block."""
        self.state = self.inner.init(batch)
        return self.state

    def step(self, state: Any, mic: Array, far: Array) -> tuple[Any, Array]:
        """Cancel one block; keep the new state unless the block reaches beyond the signal."""
        state, out = self.inner.step(state, mic, far)
        if self.blocks:
            self.state, self.blocks = state, self.blocks - 1
        return state, out


def _shifted(response: Array, shift: int) -> Array:
    """Return the impulse response behind a delay of the far end, or of the microphone where `shift` is negative."""
    return np.pad(response, (max(0, shift), 0))[max(0, -shift) :]


_warm: set[str] = set()


def _warm_up(system: System, rate: int) -> None:
    """Let a system compile what it compiles before it is timed; once per process."""
    if system.hash not in _warm:
        _warm.add(system.hash)
        noise = np.random.default_rng(0).normal(size=WARM_UP * rate).astype(np.float32) / 10
        with suppress(Exception):  # a system that fails does so on the scenes too, and says why
            system.canceller.cancel(noise, noise)
