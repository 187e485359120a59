"""The NLMS filter of layers/subband_nlms.py for some frames."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers.deep.inference.layers import Float32
from aecbench.cancellers.deep.layers import subband_nlms_kernels as kernels

__all__ = ["State", "SubbandNLMS"]

Complex = NDArray[np.complex64]


class State(NamedTuple):
    """The filter after a frame."""

    weights: Complex  # [N, L, F] echo path, the tap of the newest frame first
    reference: Complex  # [N, L, F] last frames, oldest first


class SubbandNLMS:
    """The filter: see `layers.subband_nlms.SubbandNLMS`."""

    def __init__(self, taps: int, *, delta: float, posterior: bool = False) -> None:
        self.taps = taps
        self._settings = kernels.Settings(np.float32(delta), np.float32(posterior))

    def start(self, signals: int, bins: int) -> State:
        """Return an echo path of zeros, before the first frame."""
        return State(*np.zeros((2, signals, self.taps, bins), np.complex64))

    def __call__(self, reference: Complex, mic: Complex, step_size: Float32, state: State) -> Complex:
        """Return the errors [T, N, F] of frames of reference and mic [T, N, F]; carry the state on in place."""
        frames = np.concatenate([state.reference[:, 1:], reference.swapaxes(0, 1)], 1)
        state.reference[:] = frames[:, -self.taps :]
        count, n, bins = mic.shape
        prior, error = np.empty((2, n, count, bins), np.complex64)
        checkpoints = np.empty((n, 1, self.taps, bins), np.complex64)
        d, mu = np.ascontiguousarray(mic.swapaxes(0, 1)), np.ascontiguousarray(step_size.swapaxes(0, 1))
        signals = kernels.Signals(_reals(frames), _reals(d), mu)
        out = kernels.Errors(*map(_reals, (prior, error, checkpoints)))
        kernels.adapt(signals, _reals(state.weights), out, self._settings, 0, kernels.tasks(n, bins))
        return error.swapaxes(0, 1)


def _reals(z: Complex) -> Float32:
    """Return complex numbers [..., F] as pairs [..., 2 F]: a view."""
    return z.view(np.float32)
