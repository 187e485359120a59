"""The interface of an echo canceller: it receives the microphone and far-end signals, and nothing else."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from numbers import Integral, Real
from operator import itemgetter
from typing import Any, Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers.output import stepped
from aecbench.errors import AudioError, UsageError
from aecbench.signals import Array

__all__ = [
    "Canceller",
    "Explains",
    "FlatStreaming",
    "Streaming",
    "check_finite",
    "check_range",
    "check_ranges",
    "final_state",
    "from_rows",
    "in_rows",
    "settings_of",
]

State = TypeVar("State")
Settings = TypeVar("Settings", bound=NamedTuple)
_AS_ROW, _OF_ROW = itemgetter(None), itemgetter((0, ...))  # views: the array as a single row, and that row again


@runtime_checkable
class Canceller(Protocol):
    """Anything that turns the microphone and far-end signals into an estimate of the near end (and noise)."""

    @property
    def latency(self) -> int:
        """Algorithmic delay in samples: output sample t depends on input up to sample t + latency."""

    def cancel(self, mic: Array, far: Array) -> Array:
        """Return an estimate [..., T] of near + noise from mic and far [..., T], time-aligned with mic."""


@runtime_checkable
class Explains(Protocol):
    """A canceller that exposes the internal decisions behind its output."""

    def inspect(self, mic: Array, far: Array) -> dict[str, NDArray[Any]]:
        """Return decisions by name for mic and far [T], each [N, F]: N frames, F bins from 0 to half the sample rate.

        Usual names: "step_size", from 0 to 1; "reference", the complex spectra that the adaptive filter receives in
        place of the far end.
        """


class Streaming(ABC, Generic[State]):
    """A causal canceller that runs block by block.

    The fields are hyper-parameters. The state is a value: `step` receives one and returns the next.
    """

    def __post_init__(self) -> None:
        """Check the fields, if the canceller is a dataclass: see `check_ranges`."""
        if is_dataclass(self):
            check_ranges(self)

    @property
    @abstractmethod
    def block(self) -> int:
        """Samples per step; a field of most cancellers."""

    @property
    @abstractmethod
    def latency(self) -> int:
        """Algorithmic delay in samples: output sample t depends on input up to sample t + latency."""

    @property
    def delay(self) -> int:
        """Samples by which the output of `step` lags the microphone; `cancel` compensates for them."""
        return 0

    @property
    def stride(self) -> int:
        """Samples that `consume` can process per call, a multiple of `block`: one block or several."""
        return self.block

    @abstractmethod
    def init(self, batch: tuple[int, ...]) -> State:
        """Return the state before the first block, for a batch of signals with these leading dimensions."""

    @abstractmethod
    def step(self, state: State, mic: Array, far: Array) -> tuple[State, Array]:
        """Cancel one block: mic and far [*batch, block] -> next state, output [*batch, block].

        Leaves the state that it receives unchanged. Shipped cancellers raise AudioError for samples that are not
        floating-point or not finite, and for any other number of them than `block`.
        """

    def consume(self, state: State, mic: Array, far: Array) -> tuple[State, Array]:
        """Do the same as `step`, but in place: state and mic may be overwritten and must not be used afterwards.

        The signals must be finite, float32 and contiguous, [N, block]; or [N, stride] in every call from the first.
        """
        return self.step(state, mic, far)

    def cancel(self, mic: Array, far: Array) -> Array:
        """Run all steps over whole signals: mic and far [..., T] -> float32 [..., T], time-aligned with mic.

        Raises AudioError for NaN or infinity, and if `step` does not return what it should.
        """
        check_finite(self, mic, far)
        signals, length, shape = math.prod(mic.shape[:-1]), mic.shape[-1], mic.shape
        stride = self.stride
        count = -(-(length + self.delay) // stride)
        padding = [(0, 0), (0, count * stride - length)]
        rows = (np.pad(x.reshape(signals, length), padding) for x in (mic, far))
        mic, far = (np.ascontiguousarray(x.reshape(signals, count, stride).swapaxes(0, 1), np.float32) for x in rows)
        state, out = self.init((signals,)), np.empty(mic.shape, np.float32)
        for n in range(count):
            state, out[n] = stepped(self, self.consume(state, mic[n], far[n]), mic[n].shape)
        joined = out.swapaxes(0, 1).reshape(signals, count * stride)
        return joined[:, self.delay : self.delay + length].reshape(shape)


class FlatStreaming(Streaming[State]):
    """A `Streaming` canceller written for a flat batch, [N, ...]; this class reshapes any batch to and from that.

    The batch is the first axis of every array in the state.
    """

    @abstractmethod
    def start(self, signals: int) -> State:
        """Return the state of N = `signals` signals before the first block; every array is [N, ...]."""

    @abstractmethod
    def advance(self, state: State, mic: Array, far: Array) -> Array:
        """Cancel one block, or the blocks of a `stride`: float32 mic and far [N, samples], contiguous -> same shape.

        Updates the arrays of the state in place. The output may overwrite `mic`.
        """

    def init(self, batch: tuple[int, ...]) -> State:
        """Return the state before the first block, for a batch of signals with these leading dimensions."""
        return from_rows(self.start(math.prod(batch)), batch)

    def step(self, state: State, mic: Array, far: Array) -> tuple[State, Array]:
        """Cancel one block of every signal: see `Streaming.step`."""
        check_block(self, mic, far)
        batch, new = mic.shape[:-1], _each(state, np.ndarray.copy)
        out, far = mic.astype(np.float32, order="C"), np.ascontiguousarray(far, np.float32)
        out = self.advance(in_rows(new, batch), in_rows(out, batch), in_rows(far, batch))
        return new, out.reshape(mic.shape)

    def consume(self, state: State, mic: Array, far: Array) -> tuple[State, Array]:
        """Cancel one block or stride in place: see `Streaming.consume`."""
        return state, self.advance(state, mic, far)


def final_state(canceller: Streaming[State], mic: Array, far: Array) -> State:
    """Return the state after the last whole block of mic and far [..., T]."""
    state = canceller.init(mic.shape[:-1])
    for start in range(0, mic.shape[-1] - canceller.block + 1, canceller.block):
        block = np.s_[..., start : start + canceller.block]
        state, _ = canceller.step(state, mic[block], far[block])
    return state


def settings_of(canceller: object, kind: type[Settings]) -> Settings:
    """Return the fields of the canceller that the named tuple `kind` lists, as float32 for compiled code."""
    return kind._make(np.float32(getattr(canceller, name)) for name in kind._fields)


def in_rows(state: State, batch: tuple[int, ...]) -> State:
    """Return views of a state [*batch, ...] with the batch flattened into one axis, [N, ...].

    A state is an array, or a tuple of states.
    """
    if len(batch) == 1:
        return state
    rows = (math.prod(batch),)
    views: State = _each(state, (lambda x: x.reshape(rows + x.shape[len(batch) :])) if batch else _AS_ROW)
    return views


def from_rows(state: State, batch: tuple[int, ...]) -> State:
    """Return views of a state [N, ...] with the shape [*batch, ...]: the inverse of `in_rows`."""
    if len(batch) == 1:
        return state
    views: State = _each(state, (lambda x: x.reshape(batch + x.shape[1:])) if batch else _OF_ROW)
    return views


def _each(state: Any, function: Callable[[NDArray[Any]], NDArray[Any]]) -> Any:
    """Return a state of the same structure, with `function` applied to every array in it."""
    if not isinstance(state, tuple):
        return function(state)
    parts = [function(part) if type(part) is np.ndarray else _each(part, function) for part in state]
    return type(state)._make(parts) if hasattr(state, "_make") else tuple(parts)


def check_block(canceller: Streaming[Any], mic: Array, far: Array) -> None:
    """Raise AudioError unless mic and far are one block [*batch, block] each, of finite floating-point samples."""
    who, shape = type(canceller).__name__, (*mic.shape[:-1], canceller.block)
    for name, x in (("mic", mic), ("far", far)):
        if x.shape != shape:
            raise AudioError(
                f"{who}: {name} has shape {x.shape}, and a step takes {shape}; collect samples until there are "
                f"{canceller.block}, as System.live does"
            )
        if x.dtype.kind != "f":
            raise AudioError(f"{who}: {name} is {x.dtype}; expected floating point, full scale 1.0 (int16: / 32768)")
    check_finite(canceller, mic, far)


def check_finite(canceller: object, mic: Array, far: Array) -> None:
    """Raise AudioError if mic or far contains NaN or infinity, from which an adaptive filter never recovers."""
    if np.isfinite(mic).all() and np.isfinite(far).all():
        return
    name, x = ("far", far) if np.isfinite(mic).all() else ("mic", mic)
    bad = int(np.argmin(np.isfinite(x).reshape(-1, x.shape[-1]).all(0)))
    who = type(canceller).__name__
    raise AudioError(f"{who}: sample {bad} of {name} is not finite; leave it out or zero it")


def check_ranges(canceller: Any) -> None:
    """Raise UsageError unless every field is within the range declared by `tunable` or `bounded`.

    A field whose default is an int accepts whole numbers only. Cancellers call this function in `__post_init__`.
    """
    for parameter in fields(canceller):
        if "allowed" in parameter.metadata:
            low, high = (
                getattr(canceller, bound) if isinstance(bound, str) else bound
                for bound in parameter.metadata["allowed"]
            )
            check_range(canceller, parameter.name, low, high, whole=isinstance(parameter.default, int))


def check_range(canceller: object, field: str, low: float, high: float = math.inf, *, whole: bool = False) -> None:
    """Raise UsageError unless the field of `canceller` is a number (a whole one if `whole`) from `low` to `high`."""
    value = getattr(canceller, field)
    number = isinstance(value, Integral if whole else Real) and not isinstance(value, bool)
    if not (number and low <= value <= high):
        allowed = f"from {low} to {high}" if high < math.inf else f"of at least {low}"
        kind = "whole number" if whole else "number"
        raise UsageError(f"{type(canceller).__name__}: {field} is {value!r}, expected a {kind} {allowed}")
