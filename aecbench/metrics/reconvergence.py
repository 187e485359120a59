"""How long a canceller takes to recover when the echo path changes."""

from collections.abc import Sequence

import numpy as np

from aecbench.metrics.base import LIMIT, SHORTEST, AtLeast, Inapplicable, Undefined, each
from aecbench.metrics.erle_segmental import SEGMENT, segmental
from aecbench.metrics.erle_true import erle_true
from aecbench.signals import Array, Signals

__all__ = ["reconvergence"]

BEFORE = 1.0  # [s] of far-end activity that tell what had been reached before
MARGIN = 3.0  # [dB]


@each
def reconvergence(signals: Signals, estimate: Array, rate: int, changes: Sequence[int]) -> float:
    """Seconds until the `segmental` ERLE is back within 3 dB of its value just before a change; [..., T] -> [...].

    The mean over the `changes` [sample], from 0.25 s on. As in `convergence` only far-end activity counts as time; what
    is never reached before the next change or the end counts as all the time until then, and raises AtLeast of a lone
    signal [T]. A change with less than 0.25 s of activity on either side is left out, and so is one before which the
    ERLE is less than 3 dB: there is nothing to come back to. Where none is left raises Undefined.

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
