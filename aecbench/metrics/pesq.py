"""Perceptual evaluation of speech quality, wide band (ITU-T P.862.2), through the package pesq."""

from collections.abc import Callable

import numpy as np

from aecbench.dsp.audio import resample
from aecbench.dsp.levels import active, to_samples
from aecbench.metrics.base import Inapplicable, Undefined, each
from aecbench.metrics.pesq_worker import RATE, Mode, PesqFailure, run
from aecbench.signals import Array, Signals

__all__ = ["over_windows", "pesq"]

WINDOW = 15.0  # [s] the C code tells utterances apart that are 0.4 s from start to start, and has room for 50
SPEECH = 0.5  # [s] of speech that a window needs


@each
def pesq(signals: Signals, estimate: Array, rate: int) -> float:
    """PESQ of `estimate` against `signals.near`, [..., T] at `rate` Hz -> [...]: MOS-LQO, 1.04 ... 4.64.

    At another rate than 16 kHz both are resampled. Signals longer than 15 s are cut into equal windows, and the result
    is the mean over those with half a second of near-end speech in them. PESQ ignores gain, so see `level` too. For a
    single signal [T], raises Undefined where a window cannot be scored; a silent estimate or near is NaN.
    """
    return over_windows(signals.near, estimate, rate, "wb")


def over_windows(near: Array, estimate: Array, rate: int, mode: Mode, scale: Callable[[float], float] = float) -> float:
    """Mean PESQ over the windows of [T] and [T], each on a `scale`; NaN if one is silent. Raises Undefined."""
    if not (near.any() and estimate.any()):
        return np.nan
    near, estimate = (resample((x / np.abs(x).max()).astype(np.float32), rate, RATE) for x in (near, estimate))
    speech = to_samples(active(near, RATE), RATE, near.size)
    values = []
    for window in np.array_split(np.arange(near.size), -(-near.size // round(WINDOW * RATE))):
        if speech[window].sum() < SPEECH * RATE:
            continue
        try:
            values.append(scale(run(near[window], estimate[window], mode=mode)))
        except PesqFailure as failure:
            raise Undefined(f"PESQ: {failure}") from None
    if not values:
        raise Inapplicable(f"PESQ: less than {SPEECH} s of speech")
    return float(np.mean(values))
