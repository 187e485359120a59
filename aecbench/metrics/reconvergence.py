"""Recovery time after a change of the echo path, until the true-echo ERLE is within 3 dB of its former value."""

from collections.abc import Sequence

import numpy as np

from aecbench.metrics.base import LIMIT, SHORTEST, AtLeast, Inapplicable, Undefined, each
from aecbench.metrics.erle_segmental import SEGMENT, segmental
from aecbench.metrics.erle_true import erle_true
from aecbench.signals import Array, Signals

__all__ = ["reconvergence"]

BEFORE = 1.0  # far-end activity before a change from which the ERLE reached so far is measured [s]
MARGIN = 3.0  # tolerance [dB]


@each
def reconvergence(signals: Signals, estimate: Array, rate: int, changes: Sequence[int]) -> float:
    """Return the time [s] until the `segmental` ERLE is within 3 dB of its value before a change; [..., T] -> [...].

    It is the mean over the `changes` [samples], at least 0.25 s. As in `convergence`, only far-end activity counts as
    time. If the ERLE does not recover before the next change or the end, all of the time until then counts, and for a
    single signal [T], AtLeast is raised with the mean. Changes with less than 0.25 s of activity on either side are
    left out, and so are changes before which the ERLE is below 3 dB. Raises Undefined or Inapplicable if no change is
    left.

    >>> echo, t = np.ones(48_000), np.arange(48_000)
    >>> scene = Signals(mic=echo, far=echo, near=0 * echo, echo=echo, noise=0 * echo)
    >>> estimate = np.where((t >= 24_000) & (t < 32_000), 1, 0.1)
    >>> float(reconvergence(scene, estimate, 16_000, [24_000]))
    0.75
    """
    bounds = [0, *changes, estimate.size]
    times, missed, amid = [], 0, False
    for start, change, end in zip(bounds, bounds[1:], bounds[2:], strict=False):
        before, after = slice(max(start, change - round(BEFORE * rate)), change), slice(change, end)
        if min(before.stop - before.start, after.stop - after.start) < SHORTEST * rate:
            continue
        reached = min(float(erle_true(*_cut(signals, estimate, before), rate)), LIMIT)
        amid |= bool(signals.echo[before].any())
        if not reached >= MARGIN:
            continue
        back = np.flatnonzero(segmental(*_cut(signals, estimate, after), rate) >= reached - MARGIN)
        missed += not back.size
        times.append((back[0] + 1) * SEGMENT if back.size else (end - change) / rate)
    if not amid:
        raise Inapplicable("the echo path does not change while the far end talks")
    if not times:
        raise Undefined(f"less than {MARGIN:g} dB before the echo path changes")
    if missed:
        raise AtLeast(float(np.mean(times)), f"not back within {MARGIN:g} dB after {missed} of {len(times)} changes")
    return float(np.mean(times))


def _cut(signals: Signals, estimate: Array, part: slice) -> tuple[Signals, Array]:
    return Signals(*(x[part] for x in signals)), estimate[part]
