"""A streaming canceller on audio that arrives in chunks of any size."""

from typing import Any

import numpy as np

from aecbench.cancellers.base import Streaming
from aecbench.cancellers.output import stepped
from aecbench.errors import AudioError
from aecbench.signals import Array

__all__ = ["Live"]


class Live:
    """Collects samples until there is a block, runs the canceller on it, and returns as many samples as it receives.

    The output lags the microphone by `delay` samples, whatever the sizes of the chunks. Unlike a canceller, this object
    keeps its state: use one for each call or conversation, and one thread at a time.
    """

    def __init__(self, canceller: Streaming[Any], shift: int = 0) -> None:
        """Start with silence; `shift` is the number of samples, 0 or more, by which the far end is delayed."""
        self._canceller, self._state = canceller, canceller.init(())
        self._mic, self._far = np.zeros(0, np.float32), np.zeros(shift, np.float32)
        self._out = np.zeros(canceller.block - 1, np.float32)

    @property
    def block(self) -> int:
        """Samples that the canceller processes at once."""
        return self._canceller.block

    @property
    def delay(self) -> int:
        """Samples by which the output lags the microphone: those of `Streaming.step`, and a block less one."""
        return self._canceller.delay + self._canceller.block - 1

    def process(self, mic: Array, far: Array) -> Array:
        """Cancel the echo in the next samples: mic and far [N], floating point with full scale 1.0 -> float32 [N].

        N is any number and may change from call to call. Raises AudioError for arrays of another shape, integers, NaN
        and infinity, before it takes in any sample.
        """
        self._mic, self._far, size = *self._appended(mic, far), self._canceller.block
        parts = [self._out]
        for _ in range(self._mic.size // size):
            result = self._canceller.step(self._state, self._mic[:size], self._far[:size])
            self._state, out = stepped(self._canceller, result, (size,))
            self._mic, self._far = self._mic[size:], self._far[size:]
            parts.append(out)
        ready, self._out = np.split(np.concatenate(parts, dtype=np.float32), [mic.size])
        return ready

    def _appended(self, mic: Array, far: Array) -> tuple[Array, Array]:
        """Return what waits for a block, with the next samples behind it."""
        for name, x in (("mic", mic), ("far", far)):
            if x.ndim != 1 or x.shape != mic.shape:
                raise AudioError(f"mic has shape {mic.shape}, far {far.shape}; expected [N] samples of both")
            if x.dtype.kind != "f":
                raise AudioError(f"{name} is {x.dtype}; expected floating point, full scale 1.0 (int16: / 32768)")
            if not np.isfinite(x).all():
                raise AudioError(f"{name} has {np.sum(~np.isfinite(x))} samples that are not finite; zero them")
        return np.concatenate([self._mic, mic], dtype=np.float32), np.concatenate([self._far, far], dtype=np.float32)
