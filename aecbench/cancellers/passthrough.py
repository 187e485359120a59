"""No cancellation: the microphone signal itself, the lower bound of every table."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aecbench.cancellers.abilities import Count, Trait
from aecbench.cancellers.base import Streaming, check_block
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
        """0: output sample t is microphone sample t."""
        return 0

    def cost(self) -> Count:
        """Return zero: it multiplies no sample."""
        return Count(0, 0.0)

    def init(self, batch: tuple[int, ...]) -> None:
        """Return None, because this canceller has no state."""

    def step(self, state: None, mic: Array, far: Array) -> tuple[None, Array]:
        """Return the block of the microphone as float32."""
        check_block(self, mic, far)
        return None, mic.astype(np.float32)
