"""What a canceller has learnt of the echo path, where its filter is a linear one of full band."""

from typing import Any, Protocol, runtime_checkable

import numpy as np

from aecbench.cancellers.align import Aligned, AlignedStreaming, FixedDelay
from aecbench.cancellers.base import Canceller, Streaming
from aecbench.cancellers.residual import ResidualSuppressor
from aecbench.dsp.delay import delay
from aecbench.signals import Array

__all__ = ["LinearFilter", "learnt_response", "response_of"]


@runtime_checkable
class LinearFilter(Protocol):
    """A `Streaming` canceller that can tell by which impulse response it makes an echo of the far end."""

    def impulse_response(self, state: Any) -> Array:
        """Impulse response [..., L] in a state; the first tap is that of the newest sample."""


def learnt_response(canceller: Canceller, mic: Array, far: Array) -> Array | None:
    """The impulse response [L] after all whole blocks of mic and far [T]; None where there is no such filter.

    It starts with the delay by which an alignment holds the far end back. Of a residual echo suppressor it is that of
    the filter in front. The canceller is run for it from the start.
    """
    if isinstance(canceller, Aligned) and isinstance(canceller.alignment, FixedDelay):
        fixed = canceller.alignment
        response = learnt_response(canceller.canceller, delay(mic, fixed.lead), fixed.align(mic, far))
        return None if response is None else np.pad(response, (max(0, fixed.samples), 0))[fixed.lead :]
    if not isinstance(canceller, Streaming):
        return None
    state = canceller.init(())
    if response_of(canceller, state) is None:
        return None
    for start in range(0, mic.shape[-1] - canceller.block + 1, canceller.block):
        span = np.s_[start : start + canceller.block]
        state, _ = canceller.step(state, mic[span], far[span])
    return response_of(canceller, state)


def response_of(canceller: Streaming[Any], state: Any) -> Array | None:
    """Return the impulse response [..., L] in a state; None for what is not a linear filter of full band."""
    if isinstance(canceller, AlignedStreaming):
        response = response_of(canceller.canceller, state.inner[0])
        return None if response is None else np.pad(response, (int(state.tracker.delay), 0))
    if isinstance(canceller, ResidualSuppressor):
        return response_of(canceller.filter, state.filter)
    return canceller.impulse_response(state) if isinstance(canceller, LinearFilter) else None
