"""Saturation along a scaled error function, as the loudspeakers of Deep ANC and of the AEC work that followed.

M. H. Costa, J. C. M. Bermudez and N. J. Bershad, "Stochastic analysis of the LMS algorithm with a saturation
nonlinearity following the adaptive filter output", IEEE Trans. Signal Processing 49(7), 2001.
H. Zhang and D. Wang, "Deep ANC: A deep learning approach to active noise control", Neural Networks 141, 2021.
"""

import math

import numpy as np

from aecbench.dsp.elementary import PI, erf
from aecbench.scenes.devices.device import DRIVE, Device, Range
from aecbench.signals import Array

__all__ = ["DEVICE", "scaled_erf"]


def scaled_erf(x: Array, eta2: float) -> Array:
    """Saturation y = integral of exp(-z^2 / (2 eta2)) dz from 0 to x = sqrt(pi eta2 / 2) erf(x / sqrt(2 eta2)).

    eta2 = 0.1 distorts severely, 1 moderately, 10 slightly.
    """
    return np.asarray(math.sqrt(PI * eta2 / 2) * erf(x / math.sqrt(2 * eta2)), x.dtype)


DEVICE = Device(
    scaled_erf,
    {"drive": DRIVE, "eta2": Range(1.0, 0.01, 100.0)},
    source="H. Zhang and D. Wang, Deep ANC, Neural Networks 141, 2021",
    memoryless=True,
)
