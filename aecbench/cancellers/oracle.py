"""The ceiling of every table: subtracts the true echo, which only the evaluator can supply."""

from dataclasses import dataclass

import numpy as np

from aecbench.cancellers.base import Streaming, check_range
from aecbench.signals import Array

__all__ = ["Oracle"]


@dataclass(frozen=True, slots=True)
class Oracle(Streaming[int]):
    """mic - echo. The state is the position of the next block within `echo`.

    The evaluator gives the truth of each scene with `dataclasses.replace(oracle, echo=signals.echo)`. Without it
    nothing is subtracted.
    """

    echo: Array | None = None  # [..., T], zero past its end
    block: int = 256  # samples per step

    def __post_init__(self) -> None:
        check_range(self, "block", 1, whole=True)

    @property
    def latency(self) -> int:
        """None: output sample t needs samples t of microphone and echo only."""
        return 0

    def init(self, batch: tuple[int, ...]) -> int:
        """The beginning of the echo."""
        return 0

    def step(self, state: int, mic: Array, far: Array) -> tuple[int, Array]:
        """One block of the microphone, less the echo in it."""
        end = state + mic.shape[-1]
        out = mic.astype(np.float32)
        if self.echo is not None:
            echo = self.echo[..., state:end]
            out[..., : echo.shape[-1]] -= echo
        return end, out
