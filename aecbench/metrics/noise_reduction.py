"""How much of the background noise a system takes away while nobody talks.

Taking noise away is not cancelling echo; without this column, one is taken for the other. Lower is better: a perfect
canceller leaves the noise as it is, and what listeners want of noise suppression is for other metrics to say.
"""

from aecbench.metrics.base import each
from aecbench.metrics.near_attenuation import attenuation
from aecbench.signals import Array, Signals

__all__ = ["noise_reduction"]


@each
def noise_reduction(signals: Signals, estimate: Array, rate: int) -> float:
    """10 log10( |n|² / |h * n|² ) in dB, h the filter of 256 taps on n that comes nearest to ŝ; [..., T] -> [...].

    n is `signals.noise`, ŝ is `estimate`, so h * n is the part of the output that comes from the noise, without what
    reverberates still: 0 is unchanged, positive turned down. `rate` is unused. A silent estimate gives +inf, a silent
    noise NaN.

    >>> import numpy as np
    >>> noise, tail = np.random.default_rng(0).standard_normal((2, 16_000))
    >>> scene = Signals(mic=noise + tail, far=0 * tail, near=0 * tail, echo=tail, noise=noise)
    >>> [float(noise_reduction(scene, x, 16_000).round(1)) for x in (noise, 0.1 * noise, 0 * noise)]
    [0.0, 20.0, inf]
    """
    return attenuation(signals.noise, estimate)
