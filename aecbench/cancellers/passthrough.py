"""No cancellation: the microphone itself, the floor of every table."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aecbench.cancellers.abilities import Count, Trait
from aecbench.cancellers.base import Streaming
from aecbench.cancellers.tunable import bounded
from aecbench.signals import Array

__all__ = ["Passthrough"]


@dataclass(frozen=True, slots=True)
class Passthrough(Streaming[None]):
    """The microphone signal unchanged. It has no state."""

    traits: ClassVar = frozenset({Trait.IGNORES_FAR})
    block: int = bounded(256, 1)  # samples per step

    @property
    def latency(self) -> int:
        """None: output sample t is microphone sample t."""
        return 0

    def cost(self) -> Count:
        """Return nothing: no sample is multiplied."""
        return Count(0, 0.0)

    def init(self, batch: tuple[int, ...]) -> None:
        """Nothing to remember."""

    def step(self, state: None, mic: Array, far: Array) -> tuple[None, Array]:
        """The block of the microphone, as float32."""
        return None, mic.astype(np.float32)
