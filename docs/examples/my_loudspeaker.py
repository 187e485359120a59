"""A loudspeaker in one file: the cubic soft clipper."""

import numpy as np

from aecbench.scenes.devices import DRIVE, Device, Range


def cubic(x, knee):
    """Odd, of slope 1 at 0, flat from |x| = knee on: y = x - x³ / (3 knee²)."""
    z = np.clip(x / knee, -1, 1)
    return knee * (z - z**3 / 3)


DEVICE = Device(cubic, {"drive": DRIVE, "knee": Range(1.0, 0.1, 2.0)}, source="common", memoryless=True)
