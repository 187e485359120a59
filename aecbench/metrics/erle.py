"""Echo return loss enhancement (ERLE), limited to the ERLE of a canceller that removes the echo perfectly.

The output of a perfect canceller is near end and noise, so its ERLE is the ratio of the microphone to these. A higher
ERLE is due to noise suppression and not to echo cancellation, and does not count. Meaningful only while the far end
talks alone.

The noise of a real recording is unknown. It is estimated from the quietest frames of the microphone, following the
minimum statistics of R. Martin, "Spectral subtraction based on minimum statistics", EUSIPCO 1994.
"""

import numpy as np

from aecbench.dsp.levels import db, frame_power, power
from aecbench.metrics.erle_raw import erle_raw
from aecbench.signals import Array, Signals

__all__ = ["ceiling", "erle"]

QUIETEST = 10.0  # percentile of the frame powers that is taken as the power of the noise


def erle(signals: Signals, estimate: Array, rate: int) -> Array:
    """Return the smaller of `erle_raw` and `ceiling` in dB: [..., T] -> [...]. For a silent mic, it is NaN.

    >>> echo, noise = np.ones(1600), np.tile([0.1, -0.1], 800)
    >>> scene = Signals(mic=echo + noise, far=echo, near=0 * echo, echo=echo, noise=noise)
    >>> [float(erle(scene, out, 16_000).round(2)) for out in (scene.mic, noise, 0.01 * noise, 0 * noise)]
    [0.0, 20.04, 20.04, 20.04]
    """
    return np.minimum(erle_raw(signals, estimate, rate), ceiling(signals, rate))


def ceiling(signals: Signals, rate: int) -> Array:
    """Return the ERLE of a perfect canceller in dB: [..., T] -> [...]. Without near end and noise, it is infinite."""
    if np.isnan(signals.noise).any():
        left = np.percentile(frame_power(signals.mic, rate), QUIETEST, axis=-1)
    else:
        left = power(np.subtract(signals.mic, signals.echo, dtype=np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(db(power(signals.mic) / left))
