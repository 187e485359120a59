"""The surroundings of a memoryless nonlinearity: drive, oversampling, removal of DC, and the power of its input."""

from collections.abc import Mapping

import numpy as np

from aecbench.dsp.elementary import PI
from aecbench.dsp.levels import power
from aecbench.dsp.recursive import filtered
from aecbench.scenes.devices.device import Device
from aecbench.scenes.devices.oversample import oversampled
from aecbench.signals import Array

__all__ = ["DC_POLE", "block_dc", "distort"]

DC_POLE = 1 - 2 * PI / 800  # high-pass at 1/800 of the rate: 20 Hz at 16 kHz, below what loudspeakers radiate


def distort(device: Device, x: Array, values: Mapping[str, float]) -> Array:
    """Send the signal x [..., T], in units of full scale, through a memoryless device: f(drive x) at the power of x.

    `values` are all parameters of the device, as `settings` returns them. Harmonics above the Nyquist frequency are
    removed and do not alias. The DC that even-order distortion makes is taken out by a high-pass at 1/800 of the rate:
    a loudspeaker does not radiate it, and a constant would count as activity in the pauses. A device without `drive` is
    linear, and its function is applied as it is.
    """
    if "drive" not in values:
        return device.fn(x, **values)
    own = {key: value for key, value in values.items() if key != "drive"}
    driven = x * x.dtype.type(values["drive"])
    y = oversampled(lambda z: device.fn(z, **own), driven)
    if device.even:
        y = block_dc(y)
    before, after = power(x), power(y)
    gain = np.sqrt(np.divide(before, after, out=np.zeros(np.shape(after)), where=np.asarray(after) > 0))[..., None]
    return np.asarray(y * gain, x.dtype)


def block_dc(x: Array) -> Array:
    """Remove DC from x [..., T]: first-order high-pass y[t] = x[t] - x[t-1] + p y[t-1] at 1/800 of the rate."""
    return filtered([([1.0, -1.0], [1.0, -DC_POLE])], x)
