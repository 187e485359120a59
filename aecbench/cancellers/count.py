"""What a canceller has to multiply and to know: counted, not timed.

A MAC is a multiplication of two real numbers and the addition that goes with it. A complex product is 4, one of a real
and a complex number 2; a transform of n real samples is n log2(n), as by the radix-2 algorithm. Divisions, roots and
exponentials do not count. For the filters here the products in their kernels were counted by hand, per tap, bin and
transform: a formula each below. What there is once per block or per signal is left out. Networks are counted as they
run, by deep/count.py.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from aecbench.cancellers import kalman
from aecbench.cancellers.align import STEP, Aligned, AlignedStreaming, DelayTracker, FixedDelay
from aecbench.cancellers.external.onnx import OnnxModel
from aecbench.cancellers.fdaf import FDAF
from aecbench.cancellers.kalman import Kalman
from aecbench.cancellers.nlms import NLMS
from aecbench.cancellers.oracle import Oracle
from aecbench.cancellers.passthrough import Passthrough
from aecbench.cancellers.residual import ResidualSuppressor
from aecbench.cancellers.subband_kalman import SubbandKalman

__all__ = ["Count", "count", "transform"]

NETWORK = "aecbench.cancellers.deep.framewise", "FramewiseCanceller"  # which deep/count.py counts


class Count(NamedTuple):
    """What was counted."""

    parameters: int  # learnt before, and loaded: 0 of a filter, which learns all it knows while it runs
    macs: float  # per sample


def count(canceller: Any) -> Count | None:
    """The count of a canceller with all that it runs inside; None of a kind that nobody has counted."""
    kind = type(canceller)
    if (kind.__module__, kind.__qualname__) == NETWORK:
        from aecbench.cancellers.deep.export.macs import network  # imports torch, as the canceller did

        return _sum(network(canceller), canceller.front)
    if kind is Aligned and type(canceller.alignment) is FixedDelay:
        return count(canceller.canceller)
    if kind in (Aligned, AlignedStreaming):
        tracker = canceller.alignment if kind is Aligned else canceller.tracker
        return _sum(Count(0, _tracker(tracker)), canceller.canceller)
    if kind is ResidualSuppressor:
        return _sum(Count(0, _residual(canceller)), canceller.filter)
    if kind is OnnxModel:
        return Count(canceller.facts.parameters, canceller.facts.macs)
    return Count(0, FILTERS[kind](canceller)) if kind in FILTERS else None


def transform(samples: int) -> float:
    """MACs of the transform of so many real samples, or of its inverse.

    >>> transform(512)
    4608.0
    """
    return samples * math.log2(samples)


def _sum(one: Count, inner: Any) -> Count | None:
    """With those of a canceller inside, if there is one."""
    other = Count(0, 0.0) if inner is None else count(inner)
    return None if other is None else Count(one.parameters + other.parameters, one.macs + other.macs)


def _nothing(canceller: Any) -> float:
    return 0.0


def _nlms(canceller: NLMS) -> float:
    """Echo estimate and update, 1 per tap each."""
    return 2.0 * canceller.taps


def _fdaf(canceller: FDAF) -> float:
    """Per filter and bin of a partition: 4 echo, 2 size of the weights, 3 weighed power, 6 update. 2 far-end power.

    Transforms: far end and echo estimate 1 each; per filter 1 echo, 1 error, 4 constraints.
    """
    bins = canceller.taps // canceller.block * (canceller.block + 1)
    return (14 * transform(2 * canceller.block) + (2 * 15 + 2) * bins) / canceller.block


def _kalman(canceller: Kalman) -> float:
    """Per filter and bin of a partition: 4 echo, 6 prediction, 10 update. 2 far-end power, 4 the echo that is output.

    Transforms: far end and output 1 each; per filter 1 echo, 1 error, 2 for each constraint.
    """
    bins = canceller.taps // canceller.block * (canceller.block + 1)
    transforms = 2 + 2 * (2 + 2 * kalman.CUT)
    return (transforms * transform(2 * canceller.block) + (2 * 20 + 6) * bins) / canceller.block


def _subband_kalman(canceller: SubbandKalman) -> float:
    """Per filter and bin: 20 for each pair of taps, 24 for each tap. The echo that is output is 4 per tap and bin.

    Of a pair, the covariance times the far end is 12, its update 8. Of a tap: 4 process noise, 2 with the far end,
    4 echo, 3 its variance, 2 residual, 5 weights, 4 variance. Transforms: microphone, far end, output.
    """
    taps, bins = canceller.taps, canceller.frame // 2 + 1
    products = 2 * (20 * taps * (taps - 1) // 2 + 24 * taps) + 4 * taps
    return (3 * transform(canceller.frame) + products * bins) / canceller.block


def _residual(canceller: ResidualSuppressor) -> float:
    """Per bin 54. Transforms: error, echo estimate, far end and output.

    6 powers, 7 echo, 3 noise, 18 leakage, 4 residual, 2 talk, 2 sums, 5 residual again, 5 gain, 2 its use.
    """
    return (4 * transform(canceller.frame) + 54 * (canceller.frame // 2 + 1)) / canceller.hop


def _tracker(tracker: DelayTracker) -> float:
    """Per bin of a stretch of lags: 9 averages, 3 weights. Transforms: far end and microphone, and of every stretch.

    A new delay makes the canceller hear the last half second again; that is not counted.
    """
    n, lags = tracker.block, tracker.block // STEP
    transforms = 2 * transform(2 * n) + tracker.stretches * transform(2 * lags)
    return (transforms + tracker.stretches * (12 * (lags + 1) + lags)) / n


FILTERS: Mapping[type, Callable[[Any], float]] = {  # MACs per sample
    Passthrough: _nothing,
    Oracle: _nothing,
    NLMS: _nlms,
    FDAF: _fdaf,
    Kalman: _kalman,
    SubbandKalman: _subband_kalman,
}
