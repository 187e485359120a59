"""The ceiling of every table: subtracts the true echo, which only the evaluator can supply."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers.abilities import Count, Facts, Trait
from aecbench.cancellers.base import Streaming
from aecbench.cancellers.tunable import bounded
from aecbench.errors import AudioError
from aecbench.signals import Array

__all__ = ["Oracle"]


@dataclass(frozen=True, slots=True)
class Oracle(Streaming[NDArray[np.int64]]):
    """mic - echo. The state is the position [...] of the next block within `echo`.

    The evaluator gives the truth of each scene through `informed`. Without it nothing is subtracted.
    """

    traits: ClassVar = frozenset({Trait.IGNORES_FAR})
    echo: Array | None = None  # [..., T], zero past its end
    block: int = bounded(256, 1)  # samples per step

    @property
    def latency(self) -> int:
        """None: output sample t needs samples t of microphone and echo only."""
        return 0

    def informed(self, facts: Facts) -> "Oracle":
        """Return the oracle of a scene. Raises AudioError for a recording, whose true echo is unknown."""
        if np.isnan(facts.echo).any():
            raise AudioError("the oracle needs the true echo, which real recordings do not have")
        return replace(self, echo=facts.echo)

    def cost(self) -> Count:
        """Return nothing: no sample is multiplied."""
        return Count(0, 0.0)

    def init(self, batch: tuple[int, ...]) -> NDArray[np.int64]:
        """The beginning of the echo."""
        return np.zeros(batch, np.int64)

    def step(self, state: NDArray[np.int64], mic: Array, far: Array) -> tuple[NDArray[np.int64], Array]:
        """One block of the microphone, less the echo in it."""
        out = mic.astype(np.float32)
        if self.echo is not None and state.size:
            start = int(state.flat[0])  # signals of a batch run together
            echo = self.echo[..., start : start + mic.shape[-1]]
            if echo.ndim > 1:  # as many signals as the microphone has, perhaps in rows
                echo = echo.reshape(*mic.shape[:-1], echo.shape[-1])
            out[..., : echo.shape[-1]] -= echo
        return state + mic.shape[-1], out
