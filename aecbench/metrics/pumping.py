"""Additional attenuation of the background noise while the far end talks, compared with pauses.

A suppressor that opens and closes with the far end makes the noise come and go, which is more disturbing than steady
noise: to the talker at the far end, the line seems to go dead whenever she talks.
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
    """Return 10 log10( |n|² / |ŝ|² ) while the far end talks, minus `noise_reduction` in its pauses, in dB.

    [..., T] -> [...]. n is `signals.noise`, ŝ is `estimate`, and `labels` [T] are the Talk labels of the samples, in
    which the near end is silent. While the far end talks, the output is noise and residual echo, so the noise in it is
    at most as loud as the output. The value is therefore a lower bound, limited to at least 0, and residual echo that
    covers the noise hides the pumping. 0 means a steady noise, positive a noise that is attenuated with the far end.
    Noise that is louder in the pauses than at the microphone counts as unchanged. Raises Inapplicable with less than
    0.25 s of far-end activity or of pauses. For silent noise or a silent estimate, the value is NaN; for an estimate
    that is silent only while the far end talks, it is +inf.

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
