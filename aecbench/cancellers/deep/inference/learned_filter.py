"""The filter of parts/learned_filter.py in a closed loop with its network.

Without references this is also the filter of deep_step_size.py with update = "kalman". Training listens with it too:
see parts/listening.py.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers.deep.inference import distortion
from aecbench.cancellers.deep.inference.distortion import Distortion
from aecbench.cancellers.deep.inference.layers import Float32, sigmoid
from aecbench.cancellers.deep.inference.step_size_network import StepSizeNetwork
from aecbench.cancellers.deep.inference.weights import Weights
from aecbench.cancellers.deep.layers import step_size_filter_kernels as kernels
from aecbench.cancellers.deep.parts import step_size_features_kernels as features
from aecbench.cancellers.kernels import coupling
from aecbench.cancellers.kernels.arrays import copy
from aecbench.cancellers.kernels.compile import reassociated

__all__ = ["LEAST", "LOGITS", "SCALES", "Filtered", "Heard", "LearnedFilter", "Size", "State"]

LOGITS = (3.0, 1.0, -8.5)  # of gain, root of the disturbance and drift, before training
SCALES = (1.0, 1.0, 3.0)  # a drift is looked for over decades
LEAST = 1e-8  # drift, so that a variance is never a denormal number
CHANNELS, DETAIL = 8, 3  # features of a band and of a bin

Complex = NDArray[np.complex64]


class Size(NamedTuple):
    """Sizes of filter and network."""

    n_fft: int
    hop: int  # samples
    taps: int  # frames that the echo path spans
    reference_taps: int  # frames that the path of a learned reference spans; 0: no references
    bands: int
    hidden: int  # units of the GRU


class State(NamedTuple):
    """The state after a frame, with L taps of K inputs."""

    filter: kernels.State
    inputs: Float32  # [N, K taps, 2, F] last frames of the K inputs, oldest first
    references: Float32  # [N, 2 (K - 1), F] numbers that the network has decided on for the next frame
    distortion: distortion.State
    memory: Float32  # of the network
    averages: features.Averages


class Filtered(NamedTuple):
    """The output of the filter. The arrays of a single frame do not have the axis T."""

    error: Complex  # [T, N, F] a-priori: microphone less the echo estimate before the update
    step_size: Float32  # [T, N, F] in 0 ... 1: the share of the error that the update takes for echo
    uncertainty: Float32  # [T, N, F] expected power of the residual echo in the error
    masks: Float32  # [T, N, 3, F] in 0 ... 1: gain, root of the disturbance, and drift


class Heard(NamedTuple):
    """The observations of the network in the closed loop over T frames, for training; arrays here, tensors there."""

    observation: features.Observation
    distortions: Any  # [N, T, K - 1, F] complex
    uncertainty: Any  # [N, T, F] real


class LearnedFilter:
    """The filter and its network."""

    def __init__(self, weights: Weights, size: Size, smoothing: float, kind: str = "hybrid") -> None:
        """`smoothing` applies to the features; `kind` of network as in step_size_network.KINDS."""
        self.size = size
        self.bins = size.n_fft // 2 + 1
        references = distortion.KINDS if size.reference_taps else 0
        self.inputs = 1 + references
        self.network = StepSizeNetwork(
            weights.part("network"), kind, CHANNELS, DETAIL, self.bins, size.bands, size.hidden, 3 + 2 * references
        )
        self._distortion = Distortion(size.n_fft, size.hop)
        profile = weights.take("profile", size.taps)
        room = np.exp(profile - profile.max())
        room /= room.sum()
        self._paths = room
        if references:
            others = weights.take("reference_profile", references, size.reference_taps)
            self._paths = np.concatenate([room, np.exp(others).ravel()])
        self._room = np.pad(room, (0, len(self._paths) - size.taps))
        taps = [size.taps, *references * [size.reference_taps]]
        self.place = np.array(
            [self.inputs * (size.taps - 1 - lag) + i for i, count in enumerate(taps) for lag in range(count)]
        )
        self._features = features.settings(self.network.triangles, size.hop, smoothing)
        self._settings = kernels.Settings(inputs=self.inputs)
        self._scales, self._logits = (np.array(z, np.float32)[:, None] for z in (SCALES, LOGITS))

    def start(self, signals: int) -> State:
        """Return echo paths of zeros, before the first frame."""
        n, bins, taps = signals, self.bins, len(self._paths)
        zeros = np.zeros((n, taps, 2, bins), np.float32)
        covariance = np.broadcast_to((self._paths * np.float32(coupling.LOWEST))[:, None], (n, taps, bins))
        return State(
            filter=kernels.State(zeros, covariance.copy()),
            inputs=np.zeros((n, self.inputs * self.size.taps, 2, bins), np.float32),
            references=np.zeros((n, 2 * (self.inputs - 1), bins), np.float32),
            distortion=self._distortion.start(n, bins),
            memory=self.network.start(n),
            averages=features.start(n, bins, self.size.bands),
        )

    def __call__(self, mic: Complex, far: Complex, state: State) -> Filtered:
        """Predict, listen, decide and update for T frames of microphone and far end [T, N, F], one after the other.

        The state is carried on in place.
        """
        mic, far = np.ascontiguousarray(mic), np.ascontiguousarray(far)
        distortions = self._distortions(far, state)
        frames = [self._frame(*frame, state)[0] for frame in zip(mic, far, distortions, strict=True)]
        return Filtered(*map(np.array, zip(*frames, strict=True)))

    def hear(self, mic: Complex, far: Complex) -> Heard:
        """Return what the network hears in frames [N, T, F] from the start of both signals on."""
        state = self.start(len(mic))
        observations, distortions, uncertainty = [], [], []
        for d, x in zip(mic.swapaxes(0, 1), far.swapaxes(0, 1), strict=True):
            d, x = np.ascontiguousarray(d), np.ascontiguousarray(x)
            [distortion] = self._distortions(x[None], state)
            filtered, observation = self._frame(d, x, distortion, state)
            observations.append(observation)
            distortions.append(distortion)
            uncertainty.append(filtered.uncertainty)
        observation = features.Observation._make(np.concatenate(z, 1) for z in zip(*observations, strict=True))
        return Heard(observation, np.stack(distortions, 1), np.stack(uncertainty, 1))

    def _frame(
        self, mic: Complex, far: Complex, distortions: Complex, state: State
    ) -> tuple[Filtered, features.Observation]:
        n, bins = mic.shape
        d = _empty(n, 2, bins)
        _push(mic, far, distortions, np.tanh(state.references), state.inputs, d)
        newest = state.inputs[:, -self.inputs].copy()
        prediction = kernels.Prediction(_empty(n, 1, 2, bins), _empty(n, 1, bins), _empty(n, 1, bins))
        window = kernels.Window(state.inputs, d[:, None], self._room, self.place)
        kernels.predict(window, state.filter, prediction, 0, n)
        frame = features.Frame(d, newest, *(z[:, 0] for z in prediction))
        observation = features.Observation(
            bands=_empty(n, 1, CHANNELS, self.size.bands),
            bins=_empty(n, 1, DETAIL, bins),
            power=_empty(n, 1, bins),
            gain=_empty(n, 1, 1),
            rise=_empty(n, 1, 1),
        )
        features.observe(frame, state.averages, observation, self._features, 0, n)
        numbers = self.network(observation.bands[:, 0], observation.bins[:, 0], state.memory)
        state.references[:] = numbers[:, 3:]
        masks = sigmoid(numbers[:, :3] * self._scales + self._logits)
        gain, disturbance, drift = (_empty(n, 1, bins) for _ in range(3))
        _control(masks, observation, gain, disturbance, drift)
        signals = kernels.Signals(state.inputs, d[:, None], gain, disturbance, drift, self._paths, self.place)
        out = kernels.Output(prediction.error, _empty(n, 1, bins), _empty(n, 0, len(self._paths), bins))
        kernels.adapt(signals, state.filter, out, self._settings, 0, n)
        filtered = Filtered(_complex(out.error[:, 0]), out.step_size[:, 0], prediction.uncertainty[:, 0], masks)
        return filtered, observation

    def _distortions(self, far: Complex, state: State) -> Complex:
        """Return the distortions [T, N, K - 1, F] of frames of the far end [T, N, F]."""
        if self.inputs == 1:
            return np.empty((*far.shape[:-1], 0, self.bins), np.complex64)
        return self._distortion(far, state.distortion)


@reassociated
def _push(mic: Complex, far: Complex, distortions: Complex, numbers: Float32, inputs: Float32, planes: Float32) -> None:
    """Move the inputs on by a frame: the far end [N, F], and its distortions times the masks of the frame before.

    And set the planes [N, 2, F] to real and imaginary parts of the microphone.
    """
    kinds, frames = distortions.shape[1], inputs.shape[1]
    one = np.float32(1)
    for s in range(len(inputs)):
        for i in range(frames - kinds - 1):
            for plane in range(2):
                copy(inputs[s, i + kinds + 1, plane], inputs[s, i, plane])
        _part(mic[s], planes[s])
        _part(far[s], inputs[s, frames - kinds - 1])
        for i in range(kinds):
            x, y = distortions[s, i], inputs[s, frames - kinds + i]
            real, imaginary = numbers[s, i], numbers[s, kinds + i]
            for k in range(x.size):
                y[0, k] = (one + real[k]) * x[k].real - imaginary[k] * x[k].imag
                y[1, k] = (one + real[k]) * x[k].imag + imaginary[k] * x[k].real


@reassociated
def _control(
    masks: Float32, observation: features.Observation, gain: Float32, disturbance: Float32, drift: Float32
) -> None:
    """Set the input of the filter, each [N, 1, F], from masks [N, 3, F]."""
    least, tiny = np.float32(LEAST), np.float32(features.TINY)
    for s in range(len(masks)):
        for k in range(masks.shape[2]):
            gain[s, 0, k] = masks[s, 0, k]
            disturbance[s, 0, k] = masks[s, 1, k] * masks[s, 1, k] * observation.power[s, 0, k] + tiny
            drift[s, 0, k] = (masks[s, 2, k] + least) * observation.gain[s, 0, 0] + observation.rise[s, 0, 0]


@reassociated
def _part(spectrum: Complex, planes: Float32) -> None:
    """Set planes [2, F] to real and imaginary parts of a spectrum [F]."""
    for k in range(spectrum.size):
        planes[0, k], planes[1, k] = spectrum[k].real, spectrum[k].imag


def _empty(*shape: int) -> Float32:
    return np.empty(shape, np.float32)


def _complex(planes: Float32) -> Complex:
    """Return planes [N, 2, F] as complex numbers [N, F]."""
    z = np.empty((len(planes), planes.shape[-1]), np.complex64)
    z.real, z.imag = planes[:, 0], planes[:, 1]
    return z
