"""A loudspeaker model without memory, and a stage with it."""

import numpy as np

from aecbench.scenes.devices import DRIVE, Device, Range


def cubic(x, knee):
    """Odd, of slope 1 at 0, flat from |x| = knee on."""
    z = np.clip(x / knee, -1, 1)
    return knee * (z - z**3 / 3)


def smear(x, rate, share):
    """Add a share of the sample before."""
    y = x.copy()
    y[..., 1:] += np.float32(share) * x[..., :-1]
    return y


CUBIC = Device(cubic, {"drive": DRIVE, "knee": Range(1.0, 0.1, 2.0)}, source="common", memoryless=True)
SMEAR = Device(smear, {"share": Range(0.5, 0.0, 1.0)}, source="common")
