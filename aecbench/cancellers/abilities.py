"""Abilities that a canceller may have besides cancelling: protocols that the rest of the project asks for.

Outside `cancellers/` nobody asks for the class of a canceller. It asks for an ability by a function of this module, and
a canceller without the ability gives None, an empty dictionary, or itself. A wrapper, which runs another canceller,
passes each of these questions on; the contract tests check it.
"""

import math
from collections.abc import Iterator
from enum import Enum
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers.base import Canceller, Explains, Streaming, final_state
from aecbench.dsp.delay import delay
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


class Count(NamedTuple):
    """Parameters and multiplications of a canceller: counted, not timed.

    A MAC is a multiplication of two real numbers and the addition that goes with it. A complex product is 4, one of a
    real and a complex number 2; a transform of n real samples is n log2(n), as by the radix-2 algorithm. Divisions,
    roots and exponentials do not count. The products in the kernels of a filter were counted by hand, per tap, bin and
    transform; operations that occur once per block or per signal are left out. Networks are counted as they run.
    """

    parameters: int  # trained and loaded: 0 for a filter, which learns all it knows while it runs
    macs: float  # per sample

    def plus(self, inner: "Count | None") -> "Count | None":
        """Add the count of a canceller that runs inside; None where that is unknown."""
        return None if inner is None else Count(self.parameters + inner.parameters, self.macs + inner.macs)


class Facts(NamedTuple):
    """Facts about a scene besides microphone and far end."""

    scene: str  # id: corpus/split/index
    rate: int  # [Hz]
    echo: Array  # [..., T] true echo at the microphone; NaN where it is unknown
    scale: float = 1.0  # full scale of the corpus' samples, relative to the full scale of exported audio files


class Trait(Enum):
    """A property of a canceller that decides how it is run; cancellers list theirs in a class variable `traits`."""

    IGNORES_FAR = "does not use the far end, so nothing has to align it"
    PRECOMPUTED = "looks its output up, so run time says nothing"
    UNKNOWN_LATENCY = "does not say how far ahead it needs the microphone, so its `latency` says nothing"
    UNVERSIONED = "may give another output with the same class and parameters, so scores are not cached"


@runtime_checkable
class Counted(Protocol):
    """A canceller whose operations have been counted."""

    def cost(self) -> Count | None:
        """Return the count with all that runs inside; None where a part of it was not counted."""


@runtime_checkable
class Linear(Protocol):
    """A `Streaming` canceller that knows by which impulse response it makes an echo of the far end."""

    def impulse_response(self, state: Any) -> Array | None:
        """Return the impulse response [..., L] in a state, the tap of the newest sample first; None if there is none.

        A wrapper gives the response of the canceller inside, with the delay in front of it.
        """


@runtime_checkable
class Informed(Protocol):
    """A canceller that needs more of a scene than microphone and far end."""

    def informed(self, facts: Facts) -> Canceller:
        """Return the canceller for the scene of `facts`. Raises AudioError where it needs a fact that is unknown."""


@runtime_checkable
class Rated(Protocol):
    """A canceller for audio of one sample rate. The others do the same with the samples of any rate."""

    @property
    def sample_rate(self) -> int | None:
        """The rate [Hz]; None: any."""


@runtime_checkable
class Wraps(Protocol):
    """A canceller that changes what another one receives, or what it gives."""

    @property
    def inner(self) -> Canceller:
        """The canceller inside."""

    def with_inner(self, inner: Any) -> Canceller:
        """Return the same wrapper around another canceller."""


@runtime_checkable
class Shifts(Wraps, Protocol):
    """A wrapper that only delays one of the signals by a fixed time."""

    @property
    def shift(self) -> int | None:
        """Samples by which the far end is delayed; negative: the microphone; None: the delay varies."""


def cost(canceller: Canceller) -> Count | None:
    """Return parameters and multiplications; None for a canceller that was not counted."""
    return canceller.cost() if isinstance(canceller, Counted) else None


def transform(samples: int) -> float:
    """Return the MACs of a transform of this many real samples, or of its inverse.

    >>> transform(512)
    4608.0
    """
    return samples * math.log2(samples)


def inspect(canceller: Canceller, mic: Array, far: Array) -> dict[str, NDArray[Any]]:
    """Return the decisions of a canceller as `Explains.inspect` does; none for a canceller without that ability."""
    return canceller.inspect(mic, far) if isinstance(canceller, Explains) else {}


def informed(canceller: Canceller, facts: Facts) -> Canceller:
    """Return the canceller for the scene of `facts`; most are the same for every scene."""
    match canceller:
        case Informed():
            return canceller.informed(facts)
        case Wraps(inner=inner) if needs_facts(inner):
            return canceller.with_inner(informed(inner, facts))
    return canceller


def needs_facts(canceller: Canceller) -> bool:
    """Whether the canceller, or one inside, is `Informed`."""
    return any(isinstance(layer, Informed) for layer in _layers(canceller))


def sample_rates(canceller: Canceller) -> frozenset[int]:
    """Return the rates [Hz] that the canceller and those inside are for; none where all run at any rate."""
    layers = _layers(canceller)
    return frozenset(layer.sample_rate for layer in layers if isinstance(layer, Rated) and layer.sample_rate)


def traits(canceller: Canceller) -> frozenset[Trait]:
    """Return the traits of the canceller and of those inside."""
    return frozenset().union(*(getattr(layer, "traits", ()) for layer in _layers(canceller)))


def latency(canceller: Canceller) -> int | None:
    """Return the algorithmic latency [samples]; None where it is not known, of a program or of stored outputs."""
    return None if Trait.UNKNOWN_LATENCY in traits(canceller) else canceller.latency


def streaming(canceller: Canceller) -> tuple[Streaming[Any], int] | None:
    """Return the part that runs block by block, and the samples by which its far end is delayed; None if there is none.

    A negative number delays the microphone instead.
    """
    match canceller:
        case Streaming():
            return canceller, 0
        case Shifts(inner=Streaming() as inner, shift=int() as shift):
            return inner, shift
    return None


def impulse_response(canceller: Streaming[Any], state: Any) -> Array | None:
    """Return the impulse response [..., L] in a state; None for all but linear filters of full band."""
    return canceller.impulse_response(state) if isinstance(canceller, Linear) else None


def learnt_response(canceller: Canceller, mic: Array, far: Array) -> Array | None:
    """Run the canceller on all whole blocks of mic and far [T] and return its impulse response [L] after the last one.

    It starts with the delay by which an alignment holds the far end back. None for a canceller that is not a linear
    filter of full band.
    """
    parts = streaming(canceller)
    if parts is None:
        return None
    filter_, shift = parts
    if impulse_response(filter_, filter_.init(())) is None:
        return None
    state = final_state(filter_, delay(mic, max(0, -shift)), delay(far, max(0, shift)))
    response = impulse_response(filter_, state)
    return None if response is None else np.pad(response, (max(0, shift), 0))[max(0, -shift) :]


def _layers(canceller: Canceller) -> Iterator[Canceller]:
    """Yield the canceller and all inside it, from the outermost one."""
    yield canceller
    while isinstance(canceller, Wraps):
        canceller = canceller.inner
        yield canceller
