"""The upper bound of every table: subtracts the true echo, which only the evaluator can supply."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers.abilities import Count, Facts, Trait
from aecbench.cancellers.base import Streaming, check_block
from aecbench.cancellers.tunable import bounded
from aecbench.errors import AudioError
from aecbench.signals import Array

__all__ = ["Oracle"]


@dataclass(frozen=True, slots=True)
class Oracle(Streaming[NDArray[np.int64]]):
    """The microphone minus the true echo: a bound, not a canceller.

    The evaluator supplies the true echo of each scene through `informed`. Without it, nothing is subtracted. The state
    is the position [...] of the next block within `echo`.
    """

    traits: ClassVar = frozenset({Trait.IGNORES_FAR})
    echo: Array | None = None  # [..., T], taken to be zero after its end
    block: int = bounded(256, 1)  # samples per step

    @property
    def latency(self) -> int:
        """0: output sample t depends only on sample t of microphone and echo."""
        return 0

    def informed(self, facts: Facts) -> "Oracle":
        """Return the oracle for a scene. Raises AudioError for a real recording, whose true echo is unknown."""
        if np.isnan(facts.echo).any():
            raise AudioError("the oracle needs the true echo, which real recordings do not have")
        return replace(self, echo=facts.echo)

    def cost(self) -> Count:
        """Return zero: it multiplies no sample."""
        return Count(0, 0.0)

    def init(self, batch: tuple[int, ...]) -> NDArray[np.int64]:
        """Return position 0, the first sample of the echo, for every signal."""
        return np.zeros(batch, np.int64)

    def step(self, state: NDArray[np.int64], mic: Array, far: Array) -> tuple[NDArray[np.int64], Array]:
        """Return the microphone minus the echo of the same samples."""
        check_block(self, mic, far)
        out = mic.astype(np.float32)
        if self.echo is not None and state.size:
            start = int(state.flat[0])  # the same for all signals of a batch
            echo = self.echo[..., start : start + mic.shape[-1]]
            if echo.ndim > 1:  # one echo per microphone signal; the batch of mic may have been flattened
                echo = echo.reshape(*mic.shape[:-1], echo.shape[-1])
            out[..., : echo.shape[-1]] -= echo
        return state + mic.shape[-1], out
