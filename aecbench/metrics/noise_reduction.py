"""Attenuation of the background noise while nobody talks.

Noise suppression is not echo cancellation, but without this column one can be mistaken for the other. Lower is better:
a perfect canceller leaves the noise unchanged. Whether listeners benefit from noise suppression is for other metrics to
assess.
"""

from aecbench.metrics.base import each
from aecbench.metrics.near_attenuation import attenuation
from aecbench.signals import Array, Signals

__all__ = ["noise_reduction"]


@each
def noise_reduction(signals: Signals, estimate: Array, rate: int) -> float:
    """Return 10 log10( |n|² / |h * n|² ) in dB, with the filter h of 256 taps that fits h * n to ŝ; [..., T] -> [...].

    n is `signals.noise`, ŝ is `estimate`, so h * n is the part of the output that comes from the noise, without echo or
    speech that is still reverberating: 0 means unchanged, positive attenuated. `rate` is unused. For a silent estimate
    the value is +inf, for silent noise NaN.

    >>> import numpy as np
    >>> noise, tail = np.random.default_rng(0).standard_normal((2, 16_000))
    >>> scene = Signals(mic=noise + tail, far=0 * tail, near=0 * tail, echo=tail, noise=noise)
    >>> [float(noise_reduction(scene, x, 16_000).round(1)) for x in (noise, 0.1 * noise, 0 * noise)]
    [0.0, 20.0, inf]
    """
    return attenuation(signals.noise, estimate)
