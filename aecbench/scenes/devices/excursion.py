"""A small loudspeaker at its limits: the farther the coil moves out of the gap, the less force there is.

W. Klippel, "Tutorial: Loudspeaker nonlinearities - causes, parameters, symptoms", Journal of the Audio Engineering
Society 54(10), 2006: the force factor Bl(x) falls with the excursion x of the coil, and all that is played is
multiplied by it. Excursion is what is below the resonance, so bass modulates treble: unlike clipping, it leaves no
frequency that a linear filter predicts well.
"""

import numpy as np

from aecbench.dsp.recursive import filtered, low_pass
from aecbench.scenes.devices.device import Device, Range
from aecbench.scenes.devices.memoryless import block_dc
from aecbench.signals import Array

__all__ = ["DEVICE", "excursion"]

FLAT = 0.7071  # Q of a Butterworth filter


def excursion(x: Array, rate: int, drive: float, resonance: float, offset: float) -> Array:
    """Return y = x / (1 + (drive e)^2), without DC, where e is x [..., T] below `resonance` Hz plus `offset`.

    Excursion and offset, the rest position of the coil beside the middle of the gap, are in units of full scale. An
    offset makes even-order distortion.
    """
    moved = filtered([low_pass(resonance, FLAT, rate)], x.astype(np.float64)) + offset
    return block_dc(x / (1 + np.square(drive * moved))).astype(x.dtype)


DEVICE = Device(
    excursion,
    {
        "drive": Range(2.0, 0.1, 100.0),
        "resonance": Range(400.0, 100.0, 1500.0),
        "offset": Range(0.02, 0.0, 0.2),
    },
    source="force factor that falls with the square of the excursion, W. Klippel, Loudspeaker nonlinearities, J. AES"
    " 54(10), 2006",
)
