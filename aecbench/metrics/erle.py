"""Echo return loss enhancement, held at what removing the echo perfectly would give.

The output of a perfect canceller is near end and noise, so its ERLE is the ratio of the microphone to those. More than
that is noise suppression and not echo cancellation, and does not count. Meaningful only while the far end talks alone.

Nobody knows the noise of a real recording. There it is estimated from the quietest frames of the microphone, after the
minimum statistics of R. Martin, "Spectral subtraction based on minimum statistics", EUSIPCO 1994.
"""

import numpy as np

from aecbench.dsp.levels import db, frame_power, power
from aecbench.metrics.erle_raw import erle_raw
from aecbench.signals import Array, Signals

__all__ = ["ceiling", "erle"]

QUIETEST = 10.0  # [%] of the frames: the loudest of them has the power of the noise


def erle(signals: Signals, estimate: Array, rate: int) -> Array:
    """`erle_raw` or, where that is less, `ceiling`, in dB: [..., T] -> [...]. A silent mic gives NaN.

    >>> echo, noise = np.ones(1600), np.tile([0.1, -0.1], 800)
    >>> scene = Signals(mic=echo + noise, far=echo, near=0 * echo, echo=echo, noise=noise)
    >>> [float(erle(scene, out, 16_000).round(2)) for out in (scene.mic, noise, 0.01 * noise, 0 * noise)]
    [0.0, 20.04, 20.04, 20.04]
    """
    return np.minimum(erle_raw(signals, estimate, rate), ceiling(signals, rate))


def ceiling(signals: Signals, rate: int) -> Array:
    """ERLE of a perfect canceller in dB: [..., T] -> [...]. Without near end and noise it is infinite."""
    if np.isnan(signals.noise).any():
        left = np.percentile(frame_power(signals.mic, rate), QUIETEST, axis=-1)
    else:
        left = power(np.subtract(signals.mic, signals.echo, dtype=np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(db(power(signals.mic) / left))
