"""Misalignment, the system distance: how far the filter is from the echo path itself.

J. Benesty, T. Gänsler, D. R. Morgan, M. M. Sondhi, S. L. Gay, "Advances in Network and Acoustic Echo Cancellation",
Springer 2001: the normalised misalignment. It looks at the response and not at the signals, so it tells what ERLE
hides: a filter that fits the far end of the moment only, and has to adapt again with the next word.

It is taken at the end of the scene, against the response that the scene ends with. No gain is fitted: the loudspeaker
of a scene it is defined for is linear and its gain is in the response. Behind a nonlinear one no impulse response is
the echo path; the linear one that comes nearest to it depends on what is played, so there the value is undefined.
"""

import numpy as np

from aecbench.dsp.levels import db
from aecbench.signals import Array, Signals

__all__ = ["misalignment"]


def misalignment(signals: Signals, estimate: Array, rate: int, true: Array, learnt: Array) -> Array:
    """20 log10( |h - ĥ| / |h| ) in dB, lower is better: h `true` [..., L] and ĥ `learnt` [..., M] -> [...].

    The shorter one is continued by zeros, so a part of the echo path that the filter is too short for counts as error.
    Signals, estimate and rate are unused. A filter of zeros has 0 dB, the exact one -inf; above 0 dB it would be better
    without. A path of zeros is NaN.

    >>> h, unused = np.array([1.0, 0.0, 0.1]), np.zeros(1)
    >>> [float(misalignment(unused, unused, 16_000, h, x).round(2)) for x in (h, h[:2], 0 * h, -h)]
    [-inf, -20.04, 0.0, 6.02]
    """
    length = max(true.shape[-1], learnt.shape[-1])
    h, g = (np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, length - x.shape[-1])]) for x in (true, learnt))
    norm = np.sum(np.square(h, dtype=np.float64), -1)
    distance = np.sum(np.square(np.subtract(h, g, dtype=np.float64)), -1)
    return np.asarray(db(np.divide(distance, norm, out=np.full(norm.shape, np.nan), where=norm > 0)))
