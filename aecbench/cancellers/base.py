"""What an echo canceller is. It gets the microphone and the far-end reference and nothing else."""

import math
from abc import ABC, abstractmethod
from numbers import Integral, Real
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from aecbench.errors import AudioError, UsageError
from aecbench.signals import Array

__all__ = ["Canceller", "Explains", "Streaming", "check_finite", "check_range"]

State = TypeVar("State")


@runtime_checkable
class Canceller(Protocol):
    """Anything that turns microphone and far end into an estimate of the near end (and noise)."""

    @property
    def latency(self) -> int:
        """Algorithmic delay in samples: output sample t depends on input up to sample t + latency."""

    def cancel(self, mic: Array, far: Array) -> Array:
        """Estimate [..., T] of near + noise from mic and far [..., T], time-aligned with mic."""


@runtime_checkable
class Explains(Protocol):
    """A canceller that can tell what it decides on the way to its output."""

    def inspect(self, mic: Array, far: Array) -> dict[str, NDArray[Any]]:
        """Decisions by name for mic and far [T], each [N, F]: N frames over the signal, F bins up to half its rate.

        Usual names: "step_size", in 0 ... 1; "reference", complex, what an adaptive filter is given for the far end.
        """


class Streaming(ABC, Generic[State]):
    """A causal canceller that runs block by block. Fields are hyper-parameters; state is a value handed on."""

    @property
    @abstractmethod
    def block(self) -> int:
        """Samples per step; a field in most."""

    @property
    @abstractmethod
    def latency(self) -> int:
        """Algorithmic delay in samples: output sample t depends on input up to sample t + latency."""

    @property
    def delay(self) -> int:
        """Samples by which the output of `step` lags the microphone; `cancel` takes them out."""
        return 0

    @abstractmethod
    def init(self, batch: tuple[int, ...]) -> State:
        """The state before the first block of a batch of signals."""

    @abstractmethod
    def step(self, state: State, mic: Array, far: Array) -> tuple[State, Array]:
        """Cancel one block: mic and far [*batch, block] -> next state, output [*batch, block].

        Raises AudioError for NaN or infinity; the state given is then still good.
        """

    def cancel(self, mic: Array, far: Array) -> Array:
        """All steps put together: mic and far [..., T] -> float32 [..., T], time-aligned with mic."""
        check_finite(self, mic, far)
        length = mic.shape[-1]
        blocks = -(-(length + self.delay) // self.block)
        padding = [(0, 0)] * (mic.ndim - 1) + [(0, blocks * self.block - length)]
        mic, far = np.pad(mic, padding), np.pad(far, padding)
        state, out = self.init(mic.shape[:-1]), np.empty(mic.shape, np.float32)
        for start in range(0, mic.shape[-1], self.block):
            span = np.s_[..., start : start + self.block]
            state, out[span] = self.step(state, mic[span], far[span])
        return out[..., self.delay : self.delay + length]


def check_finite(canceller: object, mic: Array, far: Array) -> None:
    """Raise AudioError where mic or far holds NaN or infinity, which would stay in an adaptive filter for ever."""
    for name, x in (("mic", mic), ("far", far)):
        if not np.isfinite(x).all():
            bad = int(np.argmin(np.isfinite(x).reshape(-1, x.shape[-1]).all(0)))
            who = type(canceller).__name__
            raise AudioError(f"{who}: sample {bad} of {name} is not finite; leave it out or zero it")


def check_range(canceller: object, field: str, low: float, high: float = math.inf, *, whole: bool = False) -> None:
    """Raise UsageError unless the field of `canceller` is a number with low <= value <= high (and a `whole` one)."""
    value = getattr(canceller, field)
    number = isinstance(value, Integral if whole else Real) and not isinstance(value, bool)
    if not (number and low <= value <= high):
        allowed = f"from {low} to {high}" if high < math.inf else f"of at least {low}"
        kind = "whole number" if whole else "number"
        raise UsageError(f"{type(canceller).__name__}: {field} is {value!r}, expected a {kind} {allowed}")
