"""The delay between reference and loudspeaker, which a sound card may change without notice."""

from collections.abc import Sequence

from aecbench.dsp.delay import delay
from aecbench.scenes.channel.blend import blend, steps
from aecbench.signals import Array

__all__ = ["jump"]

FADE = 0.01  # seconds
DIGITS = 4  # of a delay in samples: one of whole samples shall not miss them by a rounding error


def jump(x: Array, delays: Sequence[float], times: Sequence[float], rate: int) -> Array:
    """Return the signal x [..., T] delayed by delays[0] seconds, and by delays[k + 1] from times[k] seconds on.

    Each change is a cross-fade of 10 ms that begins at its time. With no times it is a constant delay. Delays may be
    fractions of a sample and negative. Returns float32 [..., T]. Raises ConfigError for times that do not ascend by at
    least 10 ms.

    >>> import numpy as np
    >>> jump(np.arange(1.0, 9.0), [0.01, 0.02], [0.04], 100).tolist()
    [0.0, 1.0, 2.0, 3.0, 4.0, 4.0, 5.0, 6.0]
    """

    def delayed(k: int, start: int, stop: int) -> Array:
        return delay(x, round(rate * delays[k], DIGITS))[..., start:stop]

    return blend(delayed, steps(len(delays), times, rate, FADE), x.shape[-1])
