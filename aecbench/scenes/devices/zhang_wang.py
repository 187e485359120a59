"""The loudspeaker of the deep AEC papers: hard clipping, then an asymmetric sigmoid.

H. Zhang and D. Wang, "Deep learning for acoustic echo cancellation in noisy and double-talk scenarios",
Interspeech 2018. The sigmoid follows D. Comminiello, M. Scarpiniti, L. A. Azpicueta-Ruiz, J. Arenas-Garcia and
A. Uncini, "Functional link adaptive filters for nonlinear acoustic echo cancellation", IEEE Trans. Audio, Speech and
Language Processing 21(7), 2013.
"""

import numpy as np

from aecbench.dsp.elementary import tanh
from aecbench.scenes.devices.device import DRIVE, Device, Range
from aecbench.signals import Array

__all__ = ["DEVICE", "zhang_wang"]

GAIN = 4.0


def zhang_wang(x: Array, limit: float, slope_positive: float, slope_negative: float) -> Array:
    """Sigmoid y = 4 (2 / (1 + exp(-a b)) - 1), b = 1.5 c - 0.3 c^2, c = x clipped at +-limit.

    a = slope_positive where b > 0, else slope_negative: 4 and 0.5 in the paper, which clips at 0.8 of the maximum.
    """
    c = np.clip(x, -limit, limit)
    b = c * (1.5 - 0.3 * c)
    half = np.maximum(slope_positive / 2 * b, 0) + np.minimum(slope_negative / 2 * b, 0)  # a b / 2
    return np.asarray(GAIN * tanh(half), x.dtype)  # 2 / (1 + exp(-z)) - 1 = tanh(z / 2)


DEVICE = Device(
    zhang_wang,
    {
        "drive": DRIVE,
        "limit": Range(0.8, 0.05, 1.0),
        "slope_positive": Range(4.0, 0.1, 10.0),
        "slope_negative": Range(0.5, 0.1, 10.0),
    },
    source="H. Zhang and D. Wang, Deep learning for acoustic echo cancellation in noisy and double-talk scenarios,"
    " Interspeech 2018",
    memoryless=True,
    even=True,
)
