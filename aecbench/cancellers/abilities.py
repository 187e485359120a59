"""Optional abilities of cancellers, as protocols, and the functions by which the rest of the project queries them.

Code outside `cancellers/` never checks the class of a canceller. It calls a function of this module; for a canceller
without the ability, the function returns None, an empty dictionary, or the canceller itself. A wrapper, which runs
another canceller, has to forward each of these queries to it; the contract tests check that.
"""

import math
from collections.abc import Iterator
from enum import Enum
from inspect import getattr_static
from numbers import Integral
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers.base import Canceller, Explains, Streaming, final_state
from aecbench.dsp.delay import delay
from aecbench.errors import AecbenchError, blame, blamed
from aecbench.signals import Array

__all__ = [
    "Count",
    "Counted",
    "Explains",
    "Facts",
    "Informed",
    "Linear",
    "Rated",
    "Shifts",
    "Trait",
    "Wraps",
    "cost",
    "flaw",
    "impulse_response",
    "informed",
    "inspect",
    "latency",
    "learnt_response",
    "needs_facts",
    "sample_rates",
    "streaming",
    "traits",
    "transform",
]


MISSING = object()


class Count(NamedTuple):
    """Number of parameters and of multiply-accumulate operations (MACs) of a canceller: counted, not timed.

    A MAC is a multiplication of two real numbers and the addition that goes with it. A complex product counts as 4
    MACs, the product of a real and a complex number as 2, and a transform of n real samples as n log2(n), the cost of
    the radix-2 algorithm. Divisions, roots and exponentials do not count. The products in the kernels of the adaptive
    filters were counted by hand, per tap, bin and transform; operations that occur once per block or per signal are
    left out. The operations of networks are counted while they run.
    """

    parameters: int  # trained weights loaded from a file; 0 for an adaptive filter
    macs: float  # per sample

    def plus(self, inner: "Count | None") -> "Count | None":
        """Return the sum with the count of a canceller that runs inside; None if that count is unknown."""
        return None if inner is None else Count(self.parameters + inner.parameters, self.macs + inner.macs)


class Facts(NamedTuple):
    """Facts about a scene besides the microphone and far-end signals."""

    scene: str  # id: corpus/split/index
    rate: int  # [Hz]
    echo: Array  # [..., T] true echo at the microphone; NaN if it is unknown
    scale: float = 1.0  # full scale of the corpus's samples, relative to the full scale of exported audio files


class Trait(Enum):
    """A property of a canceller that affects how it is run; cancellers list theirs in a class variable `traits`."""

    IGNORES_FAR = "does not use the far end, so no delay alignment is needed"
    PRECOMPUTED = "reads precomputed outputs, so its run time is meaningless"
    UNKNOWN_LATENCY = "its look-ahead is unknown, so its `latency` is meaningless"
    SEPARATE_PROCESS = "runs in a process of its own, so the memory of this one says nothing about it"
    UNVERSIONED = "its output may change while its class and parameters do not, so scores are not cached"


@runtime_checkable
class Counted(Protocol):
    """A canceller whose operations have been counted."""

    def cost(self) -> Count | None:
        """Return the count, including all cancellers inside; None if a part of it is unknown."""


@runtime_checkable
class Linear(Protocol):
    """A `Streaming` canceller whose echo estimate is the far end convolved with a known impulse response."""

    def impulse_response(self, state: Any) -> Array | None:
        """Return the impulse response [..., L] of the filter in a state, lag 0 first; None if there is none.

        A wrapper returns the response of the canceller inside, preceded by the delay that the wrapper adds.
        """


@runtime_checkable
class Informed(Protocol):
    """A canceller that needs more facts about a scene than the microphone and far-end signals."""

    def informed(self, facts: Facts) -> Canceller:
        """Return the canceller for the scene of `facts`. Raises AudioError if a fact that it needs is unknown."""


@runtime_checkable
class Rated(Protocol):
    """A canceller made for one sample rate. All others process samples alike, whatever their rate."""

    @property
    def sample_rate(self) -> int | None:
        """The rate [Hz]; None if any rate will do."""


@runtime_checkable
class Wraps(Protocol):
    """A canceller that modifies the input or the output of another one."""

    @property
    def inner(self) -> Canceller:
        """The canceller inside."""

    def with_inner(self, inner: Any) -> Canceller:
        """Return the same wrapper around another canceller."""


@runtime_checkable
class Shifts(Wraps, Protocol):
    """A wrapper that only delays one of the two signals."""

    @property
    def shift(self) -> int | None:
        """Samples by which the far end is delayed; if negative, the microphone is. None if the delay varies."""


def cost(canceller: Canceller) -> Count | None:
    """Return the number of parameters and MACs; None if they were not counted for this canceller.

    Raises AecbenchError if its `cost` fails or returns anything else.
    """
    if not isinstance(canceller, Counted):
        return None
    with blamed(f"{type(canceller).__name__}: cost"):
        counted = canceller.cost()
    if not isinstance(counted, Count | None):
        raise AecbenchError(
            f"{type(canceller).__name__}: cost returned {counted!r}, expected a Count of "
            f"{__name__}, or None where it is not known"
        )
    return counted


def transform(samples: int) -> float:
    """Return the MACs of a forward or inverse Fourier transform of this many real samples.

    >>> transform(512)
    4608.0
    """
    return samples * math.log2(samples)


def inspect(canceller: Canceller, mic: Array, far: Array) -> dict[str, NDArray[Any]]:
    """Return the decisions of a canceller as `Explains.inspect` does; empty for a canceller without that ability.

    Raises AecbenchError if its `inspect` fails or returns anything else.
    """
    if not isinstance(canceller, Explains):
        return {}
    with blamed(f"{type(canceller).__name__}: inspect"):
        decisions: Any = canceller.inspect(mic, far)
    if not (isinstance(decisions, dict) and all(getattr(value, "ndim", 0) == 2 for value in decisions.values())):
        raise AecbenchError(
            f"{type(canceller).__name__}: inspect returned something else than a dictionary of arrays [N, F]: "
            f"frames, frequency bins"
        )
    return decisions


def informed(canceller: Canceller, facts: Facts) -> Canceller:
    """Return the canceller for the scene of `facts`; most cancellers are the same for every scene.

    Raises AudioError if the canceller needs a fact that is unknown.
    """
    match canceller:
        case Informed():
            return canceller.informed(facts)
        case Wraps(inner=inner) if needs_facts(inner):
            return canceller.with_inner(informed(inner, facts))
    return canceller


def needs_facts(canceller: Canceller) -> bool:
    """Return whether the canceller, or one inside it, is `Informed`."""
    return any(isinstance(layer, Informed) for layer in _layers(canceller))


def sample_rates(canceller: Canceller) -> frozenset[int]:
    """Return the sample rates [Hz] that the canceller and those inside it require; empty if any rate will do."""
    layers = _layers(canceller)
    return frozenset(layer.sample_rate for layer in layers if isinstance(layer, Rated) and layer.sample_rate)


def traits(canceller: Canceller) -> frozenset[Trait]:
    """Return the traits of the canceller and of those inside it."""
    return frozenset().union(*(getattr(layer, "traits", None) or () for layer in _layers(canceller)))


def latency(canceller: Canceller) -> int | None:
    """Return the algorithmic latency [samples]; None where it is not known, of a program or of stored outputs."""
    return None if Trait.UNKNOWN_LATENCY in traits(canceller) else int(canceller.latency)


def flaw(canceller: object) -> str:
    """Return what is wrong with the numbers that an object states if it is a canceller, or "".

    All of them are whole numbers. They are a user's, and a property may raise anything.
    """
    numbers = {"latency": (0, "samples")}
    if isinstance(canceller, Streaming):
        numbers |= {"block": (1, "samples"), "delay": (0, "samples"), "stride": (1, "samples")}
    for name, (least, unit) in (numbers | {"sample_rate": (1, "Hz")}).items():
        if getattr_static(canceller, name, MISSING) is MISSING:
            continue
        try:
            value = getattr(canceller, name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return f"its {name} cannot be read: {blame(error)}"
        if name == "sample_rate" and value is None:
            continue
        if callable(value):
            return f"its {name} is a method, expected a whole number of {unit}; put @property in front of it"
        if not isinstance(value, Integral) or isinstance(value, bool) or int(value) < least:
            return f"its {name} is {value!r}, expected a whole number of {unit}, {least} or more"
    if isinstance(canceller, Streaming) and canceller.stride % canceller.block:
        return f"its stride is {canceller.stride}, expected a multiple of its block, {canceller.block}"
    return ""


def streaming(canceller: Canceller) -> tuple[Streaming[Any], int] | None:
    """Return the part that runs block by block, and by how many samples its far end is delayed; None if none does.

    If the number is negative, the microphone is delayed instead.
    """
    match canceller:
        case Streaming():
            return canceller, 0
        case Shifts(inner=Streaming() as inner, shift=int() as shift):
            return inner, shift
    return None


def impulse_response(canceller: Streaming[Any], state: Any) -> Array | None:
    """Return the impulse response [..., L] in a state; None for any canceller but a fullband linear filter."""
    return canceller.impulse_response(state) if isinstance(canceller, Linear) else None


def learnt_response(canceller: Canceller, mic: Array, far: Array) -> Array | None:
    """Run the canceller on all whole blocks of mic and far [T] and return its impulse response [L] after the last one.

    The response begins with zeros for the delay of an alignment in front. None for any canceller but a fullband linear
    filter. Raises AecbenchError for a response that is not [L].
    """
    parts = streaming(canceller)
    if parts is None:
        return None
    filter_, shift = parts
    if impulse_response(filter_, filter_.init(())) is None:
        return None
    state = final_state(filter_, delay(mic, max(0, -shift)), delay(far, max(0, shift)))
    response = impulse_response(filter_, state)
    if response is not None and np.ndim(response) != 1:
        raise AecbenchError(
            f"{type(filter_).__name__}: impulse_response returned an array with {np.ndim(response)} dimensions for a "
            f"single signal, expected one, [L]"
        )
    return None if response is None else np.pad(response, (max(0, shift), 0))[max(0, -shift) :]


def _layers(canceller: Canceller) -> Iterator[Canceller]:
    """Yield the canceller and all cancellers inside it, the outermost first."""
    yield canceller
    while isinstance(canceller, Wraps):
        canceller = canceller.inner
        yield canceller
