"""One system on one scene: its output, the processor time it took, and what its filter has learnt by the end."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np

from aecbench.cancellers.align import Aligned, FixedDelay
from aecbench.cancellers.base import Canceller, Streaming
from aecbench.cancellers.external.predictions import Predictions
from aecbench.cancellers.oracle import Oracle
from aecbench.cancellers.response import response_of
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

    `scale` is that of the scene in its corpus, see `Corpus.scale`.
    """
    scene, (mic, far, _, echo, _), _ = item
    canceller = system.canceller
    if isinstance(canceller, Predictions):
        canceller = dataclasses.replace(canceller, scene=scene.id, rate=scene.rate, scale=scale / UNIT)
    if isinstance(canceller, Oracle):
        if np.isnan(echo).any():
            return Run(None, error=f"{system.name} needs the true echo, which real recordings do not have")
        canceller = dataclasses.replace(canceller, echo=echo)
    _warm_up(system.hash, canceller, scene.rate)
    filter_, shift = streaming(canceller) or (None, 0)
    watched = None
    if response and filter_ is not None:
        watched = Watched(filter_, mic.size)
        canceller = dataclasses.replace(canceller, canceller=watched) if isinstance(canceller, Aligned) else watched
    start = processor_time()
    try:
        estimate = np.asarray(canceller.cancel(mic, far))
    except Exception as error:
        return Run(None, error=f"{type(error).__name__}: {error}")
    seconds = np.nan if isinstance(canceller, Predictions) else processor_time() - start
    learnt = None if watched is None else response_of(watched.inner, watched.state)
    return Run(estimate, seconds, response=None if learnt is None else _shifted(learnt, shift))


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


def streaming(canceller: Canceller) -> tuple[Streaming[Any], int] | None:
    """Return the part that runs block by block, and the samples by which its far end is delayed; None if there is none.

    A negative number delays the microphone instead.
    """
    match canceller:
        case Streaming():
            return canceller, 0
        case Aligned(canceller=Streaming() as inner, alignment=FixedDelay() as fixed):
            return inner, fixed.samples
    return None


def _shifted(response: Array, shift: int) -> Array:
    """Return the impulse response behind a delay of the far end, or of the microphone where `shift` is negative."""
    return np.pad(response, (max(0, shift), 0))[max(0, -shift) :]


_warm: set[str] = set()


def _warm_up(system: str, canceller: Canceller, rate: int) -> None:
    """Let the system of this hash compile what it compiles before it is timed; once per process."""
    if system not in _warm:
        _warm.add(system)
        noise = np.random.default_rng(0).normal(size=WARM_UP * rate).astype(np.float32) / 10
        try:
            canceller.cancel(noise, noise)
        except Exception:
            return  # it will fail on the scene too, and say why there
