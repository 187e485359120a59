"""Misalignment (system distance) between the adaptive filter and the echo path.

J. Benesty, T. Gänsler, D. R. Morgan, M. M. Sondhi, S. L. Gay, "Advances in Network and Acoustic Echo Cancellation",
Springer 2001: the normalised misalignment. It compares impulse responses and not signals, so it detects a filter that
fits only the current far-end signal and has to adapt again with the next word; ERLE does not.

It is computed at the end of the scene, relative to the last impulse response of the echo path. No gain is fitted: the
metric is defined only for scenes with a linear loudspeaker, whose gain is part of the response. With a nonlinear one,
the linear response that comes closest to the echo path depends on the signal, so the value is undefined.
"""

import numpy as np

from aecbench.dsp.levels import db
from aecbench.signals import Array, Signals

__all__ = ["misalignment"]


def misalignment(signals: Signals, estimate: Array, rate: int, true: Array, learnt: Array) -> Array:
    """Return 20 log10( |h - ĥ| / |h| ) in dB, lower is better: h = `true` [..., L], ĥ = `learnt` [..., M] -> [...].

    The shorter response is padded with zeros, so the part of the echo path beyond the filter counts as an error.
    Signals, estimate and rate are unused. For a filter of zeros the value is 0 dB, for the exact response -inf; above
    0 dB, the filter is worse than none. For an echo path of zeros, it is NaN.

    >>> h, unused = np.array([1.0, 0.0, 0.1]), np.zeros(1)
    >>> [float(misalignment(unused, unused, 16_000, h, x).round(2)) for x in (h, h[:2], 0 * h, -h)]
    [-inf, -20.04, 0.0, 6.02]
    """
    length = max(true.shape[-1], learnt.shape[-1])
    h, g = (np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, length - x.shape[-1])]) for x in (true, learnt))
    norm = np.sum(np.square(h, dtype=np.float64), -1)
    distance = np.sum(np.square(np.subtract(h, g, dtype=np.float64)), -1)
    return np.asarray(db(np.divide(distance, norm, out=np.full(norm.shape, np.nan), where=norm > 0)))
