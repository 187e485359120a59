"""Packets lost on the way to the device, concealed by its receiver: it affects reference and loudspeaker alike.

Repetition of the last pitch period, faded out, and a cross-fade back to the signal: a simple form of what ITU-T G.711
Appendix I does.
"""

from collections.abc import Iterable

import numpy as np

from aecbench.signals import Array

__all__ = ["conceal"]

SHORTEST, LONGEST = 0.005, 0.015  # pitch periods [s]
HOLD, GONE = 0.01, 0.06  # the repetition is at full level for 10 ms and silent after 60 ms
FADE = 0.004  # back to the signal [s]


def conceal(x: Array, gaps: Iterable[tuple[float, float]], rate: int) -> Array:
    """Fill gaps (start [s], duration [s]) of the signal x [..., T] from the samples before each of them.

    The last pitch period (5-15 ms, where the autocorrelation is highest) is repeated; from 10 ms on it loses 20 % of
    its amplitude every 10 ms. After the gap the signal comes back within 4 ms. Nothing after a gap has an influence on
    how it is filled. Returns a copy.
    """
    y = x.copy()
    for start, duration in sorted(gaps):
        first, lost = round(start * rate), round(duration * rate)
        for i in np.ndindex(x.shape[:-1]):
            _fill(y[i], first, lost, rate)
    return y


def _fill(x: Array, first: int, lost: int, rate: int) -> None:
    fade = round(FADE * rate)
    gap = x[first : first + lost + fade]  # a view
    if lost <= 0 or not len(gap):
        return
    longest = round(LONGEST * rate)
    history = np.concatenate([np.zeros(2 * longest, x.dtype), x[:first]])[-2 * longest :]
    time = np.arange(len(gap)) / rate
    gain = np.clip((GONE - time) / (GONE - HOLD), 0, 1)
    back = np.clip((np.arange(len(gap)) - lost + 1) / (fade + 1), 0, 1)
    gap[:] = back * gap + (1 - back) * gain * np.resize(_period(history, rate), len(gap))


def _period(history: Array, rate: int) -> Array:
    """Return the last pitch period of two longest periods, its last quarter bent so that it can follow upon itself."""
    longest = len(history) // 2
    lags = np.arange(round(SHORTEST * rate), longest + 1)
    past = np.lib.stride_tricks.sliding_window_view(history, longest)[longest - lags].astype(np.float64)
    similarity = np.sum(past * history[longest:], axis=-1) / np.sqrt(np.sum(past * past, axis=-1) + 1e-20)
    lag = int(lags[np.argmax(similarity)])
    period, quarter = history[-lag:].copy(), lag // 4
    share = np.arange(1, quarter + 1) / (quarter + 1)
    period[-quarter:] = (1 - share) * period[-quarter:] + share * history[-lag - quarter : -lag]
    return period
