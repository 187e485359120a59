"""Checks of the audio that a caller passes."""

import numpy as np
from numpy.typing import ArrayLike

from aecbench.cancellers.output import as_array
from aecbench.errors import AudioError
from aecbench.signals import Array

__all__ = ["as_samples"]


def as_samples(name: str, x: ArrayLike) -> Array:
    """Return a caller's audio as float32, of the same shape. Raises AudioError, which calls it `name`.

    It may be an array, a list or a tensor of floating-point numbers, all of them finite and in the range of float32.
    """
    if isinstance(x, bytes | bytearray):
        raise AudioError(f"{name} is raw bytes; for 16-bit samples, pass np.frombuffer({name}, np.int16) / 32768")
    values = as_array(name, x)
    if values.dtype.kind != "f":
        kind = values.dtype if values.dtype.kind in "iub" else type(x).__name__
        raise AudioError(f"{name} is {kind}; expected floating point, full scale 1.0 (int16: divide by 32768)")
    with np.errstate(over="ignore"):
        samples = values.astype(np.float32, copy=False)
    if np.isfinite(samples).all():
        return samples
    if bad := int(np.sum(~np.isfinite(values))):
        raise AudioError(f"{name} has {bad} samples that are not finite; zero them")
    raise AudioError(
        f"{name} has samples up to {np.abs(values).max():.3g}, too large for float32; divide it by its full scale"
    )
