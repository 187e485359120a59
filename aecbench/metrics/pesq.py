"""Perceptual evaluation of speech quality (PESQ), wideband (ITU-T P.862.2); by the package pesq."""

from collections.abc import Callable

import numpy as np

from aecbench.dsp.audio import resample
from aecbench.dsp.levels import active, to_samples
from aecbench.metrics.base import Inapplicable, Undefined, each
from aecbench.metrics.pesq_worker import RATE, Mode, PesqFailure, run
from aecbench.signals import Array, Signals

__all__ = ["over_windows", "pesq"]

WINDOW = 15.0  # longest window [s]: the C code has room for 50 utterances, which may start every 0.4 s
SPEECH = 0.5  # speech that a window needs [s]


@each
def pesq(signals: Signals, estimate: Array, rate: int) -> float:
    """Return the PESQ of `estimate` relative to `signals.near`, [..., T] at `rate` Hz -> [...]: MOS-LQO, 1.04 ... 4.64.

    Signals with a rate other than 16 kHz are resampled. Signals longer than 15 s are split into windows of equal
    length, and the result is the mean over those with at least half a second of near-end speech. PESQ does not depend
    on the gain, see `level` for that. For a single signal [T], raises Undefined if a window cannot be scored, and
    Inapplicable without enough speech. For a silent estimate or near end, it is NaN.
    """
    return over_windows(signals.near, estimate, rate, "wb")


def over_windows(near: Array, estimate: Array, rate: int, mode: Mode, scale: Callable[[float], float] = float) -> float:
    """Return the mean PESQ over the windows of two signals [T] at `rate` Hz; NaN if one of them is silent.

    `scale` maps the score of each window. Raises Undefined if a window cannot be scored, Inapplicable without enough
    speech.
    """
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
