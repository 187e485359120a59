"""Signal-to-distortion ratio after fitting the near end to the output by a filter of 256 taps (16 ms at 16 kHz).

This is the SDR of BSS-eval (see `sdr`), here called fSDR, with a filter that is long enough for the high-pass and the
small delay of a system on a device, but too short to compensate for the reverberation of a room.
"""

from aecbench.metrics.base import each
from aecbench.metrics.sdr import filtered_sdr
from aecbench.signals import Array, Signals

__all__ = ["TAPS", "fsdr"]

TAPS = 256


@each
def fsdr(signals: Signals, estimate: Array, rate: int) -> float:
    """Return 10 log10( |h * s|² / |h * s - ŝ|² ) in dB, with the best filter h of 256 taps; [..., T] -> [...].

    s is `signals.near`, ŝ is `estimate`; `rate` is unused. If ŝ is a filtered s, the value is above 100 dB; for a
    silent estimate or near end, it is NaN.

    >>> import numpy as np
    >>> near = np.random.default_rng(1).standard_normal(16_000)
    >>> scene = Signals(mic=near, far=near, near=near, echo=0 * near, noise=0 * near)
    >>> high_passed = np.diff(near, prepend=0.0)
    >>> [float(fsdr(scene, x, 16_000).round(1)) for x in (high_passed + 0.1 * near[::-1], 0 * near)]
    [23.2, nan]
    """
    return filtered_sdr(signals.near, estimate, TAPS)
