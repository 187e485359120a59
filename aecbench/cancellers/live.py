"""A streaming canceller on audio that arrives in chunks of any size, with as many samples out as in."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from aecbench.cancellers.abilities import sample_rates
from aecbench.cancellers.align import RATE
from aecbench.cancellers.base import Streaming
from aecbench.cancellers.input import as_samples
from aecbench.cancellers.steps import Steps
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
        self._canceller, self._steps = canceller, Steps(canceller, shift)
        self._out = np.zeros(canceller.block - 1, np.float32)

    @property
    def sample_rate(self) -> int:
        """The sample rate [Hz] of its signals: the one that the canceller states, or else 16 kHz.

        The object cannot check it: resample audio of another rate.
        """
        return min(sample_rates(self._canceller), default=RATE)

    @property
    def block(self) -> int:
        """Samples that the canceller processes at once."""
        return self._canceller.block

    @property
    def delay(self) -> int:
        """Samples by which the output lags the microphone: those of `Streaming.step`, and a block less one."""
        return self._canceller.delay + self._canceller.block - 1

    def process(self, mic: ArrayLike, far: ArrayLike) -> Array:
        """Cancel the echo in the next samples: mic and far [N], floating point with full scale 1.0 -> float32 [N].

        N is any number and may change from call to call. Raises AudioError for arrays of another shape, integers, NaN,
        infinity and numbers beyond the range of float32, before it takes in any sample; and for an output that is not
        finite, after which it cannot go on.
        """
        x, reference = as_samples("mic", mic), as_samples("far", far)
        if x.ndim != 1 or x.shape != reference.shape:
            raise AudioError(
                f"mic has shape {x.shape}, far {reference.shape}; expected [N] samples of both: pass one channel of "
                f"each, and as many of one as of the other"
            )
        out = np.concatenate([self._out, *self._steps.push(x, reference)])
        if not np.isfinite(out).all():
            raise AudioError("the output of the canceller is not finite; mend it, or start again with a new object")
        ready, self._out = np.split(out, [x.size])
        return ready
