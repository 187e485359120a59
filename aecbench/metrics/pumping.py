"""How much more the background noise is turned down while the far end talks than while it rests.

A suppressor that opens and closes with the far end lets the noise come and go with it, which is more disturbing than
noise that stays: the listener at the far end hears the line go dead whenever she talks.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecbench.dsp.levels import db, power
from aecbench.metrics.base import SHORTEST, Inapplicable, each
from aecbench.metrics.noise_reduction import noise_reduction
from aecbench.signals import Array, Signals, Talk

__all__ = ["pumping"]


@each
def pumping(signals: Signals, estimate: Array, rate: int, labels: NDArray[np.integer[Any]]) -> float:
    """10 log10( |n|² / |ŝ|² ) while the far end talks, less `noise_reduction` while it rests, in dB: [..., T] -> [...].

    n is `signals.noise`, ŝ is `estimate`, and `labels` [T] hold the Talk of each sample, which is without the near end.
    While the far end talks, the output is noise and residual echo, so the noise in it is at most as loud as the output:
    the value is a lower bound, held at 0, and residual echo that covers the noise hides the pumping. 0 is a noise that
    stays as it is, positive a noise that goes with the far end. Noise that is louder at rest than in the microphone
    counts as unchanged. Raises Inapplicable with less than 0.25 s of either kind; a silent estimate or noise is NaN.

    >>> labels = np.repeat([Talk.FAR, Talk.SILENCE], 16_000)
    >>> noise, echo = np.random.default_rng(0).standard_normal((2, 32_000)) * [[0.01], [1]]
    >>> scene = Signals(mic=noise + echo, far=echo, near=0 * echo, echo=echo, noise=noise)
    >>> gains = (1, 0.1, np.where(labels == Talk.FAR, 0.1, 0.5))
    >>> [float(pumping(scene, noise * gain, 16_000, labels).round(1)) for gain in gains]
    [0.0, 0.0, 14.0]
    """
    if not signals.noise.any():
        return np.nan
    talks = labels == Talk.FAR
    if min(talks.sum(), (~talks).sum()) < SHORTEST * rate:
        raise Inapplicable(f"the far end talks or rests for less than {SHORTEST} s")
    rests = Signals(*(x[~talks] for x in signals))
    resting = max(float(noise_reduction(rests, estimate[~talks], rate)), 0.0)
    with np.errstate(divide="ignore"):
        talking = float(db(power(signals.noise[talks]) / power(estimate[talks])))
    return max(talking - resting, 0.0)
