"""A metric for which lower is better."""

import numpy as np

import aecbench as ab


def peak(signals, estimate, rate):
    """Highest sample of the estimate [..., T] in dBFS, shape [...]."""
    with np.errstate(divide="ignore"):
        return 20 * np.log10(np.max(np.abs(estimate), axis=-1))


PEAK = ab.Metric(
    fn=peak, title="Peak", unit="dBFS", better="lower", talk=frozenset({ab.Talk.FAR}), stems=False, version=1
)
