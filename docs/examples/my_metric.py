"""A metric in one file: the peak level of the residual echo."""

import numpy as np

import aecbench as ab


def peak(signals, estimate, rate):
    """Highest sample of the estimate [..., T] in dBFS, shape [...]. Silence gives -inf, which counts as -100."""
    with np.errstate(divide="ignore"):
        return 20 * np.log10(np.max(np.abs(estimate), axis=-1))


PEAK = ab.Metric(
    fn=peak,
    title="Peak",  # of its column
    unit="dBFS",
    better="lower",
    talk=frozenset({ab.Talk.FAR}),  # the frames that `fn` receives: here, while the far end talks alone
    stems=False,  # it does not read near, echo or noise, so it works on real recordings too
    version=1,  # raise it when the same audio gets another value
)
