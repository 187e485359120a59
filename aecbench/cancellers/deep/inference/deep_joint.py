"""deep_joint without torch: see the module of that name one folder up."""

from typing import ClassVar, NamedTuple

import numpy as np
from pydantic import Field, model_validator
from scipy.fft import irfft, rfft
from typing_extensions import override

from aecbench.cancellers.deep.config import NetworkConfig
from aecbench.cancellers.deep.inference import control, learned_filter
from aecbench.cancellers.deep.inference.canceller import Complex, Inference, Result
from aecbench.cancellers.deep.inference.control import Control
from aecbench.cancellers.deep.inference.layers import Float32
from aecbench.cancellers.deep.inference.learned_filter import Filtered, LearnedFilter, Size
from aecbench.cancellers.deep.inference.weights import Weights
from aecbench.cancellers.deep.losses.weights import JointWeights
from aecbench.cancellers.kernels.compile import reassociated
from aecbench.dsp import stft

__all__ = ["BACK", "DECISIONS", "GAIN", "INPUTS", "PAIRS", "TINY", "DeepJointConfig", "DeepJointInference", "State"]

INPUTS = ("microphone", "far end", "error", "echo estimate", "correction", "uncertainty")  # of the second network
PAIRS = ((0, 3), (2, 3), (0, 1))  # of inputs whose coherence it gets
DECISIONS = ("gain", "real share", "imaginary share", "back")
TINY = 1e-6  # of a window, where it begins with 0
GAIN, BACK = 3.0, -4.0  # logits of the gain, and of the share of the correction that goes back, before training


class DeepJointConfig(NetworkConfig):
    """Defaults are those of the released weights: a latency of 40 ms."""

    short: int = Field(512, ge=16)  # frame of the gain, and of the synthesis
    lag: int = Field(128, ge=0)  # samples from the end of a short frame to the end of its long one
    taps: int = Field(16, ge=1)  # long frames that the echo path spans
    reference_taps: int = Field(4, ge=0)  # of each learned reference; 0: the far end is the only input
    smoothing: float = Field(0.5, ge=0, lt=1)  # as of deep_step_size
    decay: float = Field(30.0, ge=0, le=120)  # of the expected room over the taps, before training [dB]
    filter_bands: int = Field(64, ge=4)  # of the network that adapts the filter
    filter_hidden: int = Field(48, ge=1)  # units of its GRU
    bands: int = Field(40, ge=4)  # of the network that decides on the output
    hidden: int = Field(304, ge=1)  # units of its LSTM over all bands
    small: int = Field(32, ge=1)  # units of its LSTM along each band
    path_change: float = Field(0.2, ge=0, le=1)  # share of training examples that go on as another one half-way
    loss: JointWeights = JointWeights()

    @model_validator(mode="after")
    def _short_is_inside(self) -> "DeepJointConfig":
        if self.short % self.hop_length or self.short < 2 * self.hop_length or self.n_fft % self.short:
            raise ValueError(
                f"short is {self.short}, expected a multiple of hop_length ({self.hop_length}), at least twice as "
                f"long, and a divisor of n_fft ({self.n_fft})"
            )
        if self.short + self.lag > self.n_fft:
            raise ValueError(f"lag is {self.lag}, expected at most n_fft - short ({self.n_fft - self.short})")
        return self


class State(NamedTuple):
    """The state of filter and second network after a frame."""

    filter: learned_filter.State
    memory: control.Memory


class DeepJointInference(Inference):
    """Filter and second network."""

    Config: ClassVar[type[NetworkConfig]] = DeepJointConfig
    config: DeepJointConfig

    @override
    def __init__(self, config: DeepJointConfig, weights: Weights) -> None:
        self.config = c = config
        size = Size(c.n_fft, c.hop_length, c.taps, c.reference_taps, c.filter_bands, c.filter_hidden)
        self.filter = LearnedFilter(weights.part("filter"), size, c.smoothing)
        sizes = {"bands": c.bands, "hidden": c.hidden, "small": c.small}
        bins = c.short // 2 + 1
        self.control = Control(weights.part("control"), len(INPUTS), PAIRS, len(DECISIONS), bins, **sizes)
        end = c.n_fft - c.lag
        self._span = slice(end - c.short, end)
        before = stft.window(c.n_fft, c.hop_length)[self._span]
        self._inside = stft.window(c.short, c.hop_length) / np.maximum(before, np.float32(TINY))
        self._offset = np.array([GAIN, 0, 0, BACK], np.float32)[:, None]
        self._scale = np.array([0.5, 1, 1, 0.5], np.float32)[:, None]  # a sigmoid is 1/2 + tanh(x / 2) / 2

    @property
    @override
    def synthesis(self) -> tuple[int, int]:
        return self.config.short, self.config.lag

    @override
    def start(self, signals: int) -> State:
        return State(self.filter.start(signals), self.control.start(signals))

    @override
    def frames(self, spectra: Complex, state: State) -> Result:
        filtered = self.filter(spectra[:, :, 0], spectra[:, :, 1], state.filter)
        inputs = self._inputs(spectra, filtered)
        decided = self.control(inputs, state.memory)
        decided += self._offset
        decided *= self._scale
        np.tanh(decided, out=decided)
        output = np.empty((*inputs.shape[:2], inputs.shape[-1]), np.complex64)
        gain = np.empty(output.shape, np.float32)
        _decide(inputs, decided, output, gain)
        decisions = {"step_size": filtered.step_size, "uncertainty": filtered.uncertainty, "gain": gain}
        return Result(output, decisions)

    def _inputs(self, spectra: Complex, filtered: Filtered) -> Complex:
        """Return the short spectra [T, N, INPUTS, F'] of the second network."""
        frames, bins = spectra.shape[:2], len(self._inside) // 2 + 1
        long = np.empty((*frames, 4, spectra.shape[-1]), np.complex64)
        residual = np.empty((*frames, bins), np.float32)
        _separate(spectra, filtered, long, residual)
        short = rfft(irfft(long)[..., self._span] * self._inside)
        inputs = np.empty((*frames, len(INPUTS), bins), np.complex64)
        inputs[:, :, :3], inputs[:, :, 4], inputs[:, :, 5] = short[:, :, :3], short[:, :, 3], residual
        np.subtract(short[:, :, 0], short[:, :, 2], out=inputs[:, :, 3])
        return inputs


@reassociated
def _separate(spectra: Complex, filtered: Filtered, long: Complex, residual: Float32) -> None:
    """Set `long` [T, N, 4, F] to microphone, far end, and the a-posteriori error and the correction of the filter.

    And `residual` [T, N, F'] to the root of the expected power of the residual echo, a mean over neighbouring bins.
    """
    one, bins, count = np.float32(1), spectra.shape[-1], residual.shape[-1]
    every = (bins - 1) // (count - 1)
    for t in range(spectra.shape[0]):
        for n in range(spectra.shape[1]):
            error, step, power = filtered.error[t, n], filtered.step_size[t, n], filtered.uncertainty[t, n]
            for k in range(bins):
                long[t, n, 0, k], long[t, n, 1, k] = spectra[t, n, 0, k], spectra[t, n, 1, k]
                long[t, n, 2, k] = (one - step[k]) * error[k]
                long[t, n, 3, k] = step[k] * error[k]
            for k in range(count):
                first, last = max(every * k - every // 2, 0), min(every * k + every // 2 + 1, bins)
                total = np.float32(0)
                for i in range(first, last):
                    total += power[i] * (one - step[i]) * (one - step[i])
                residual[t, n, k] = np.sqrt(total / np.float32(last - first))


@reassociated
def _decide(inputs: Complex, decided: Float32, output: Complex, gain: Float32) -> None:
    """Set `output` and `gain` [T, N, F'] from the inputs [T, N, INPUTS, F'] and the decisions, all in -1 ... 1."""
    half = np.float32(0.5)
    for t in range(inputs.shape[0]):
        for n in range(inputs.shape[1]):
            error, echo, taken = inputs[t, n, 2], inputs[t, n, 3], inputs[t, n, 4]
            for k in range(inputs.shape[3]):
                g, back = half + half * decided[t, n, 0, k], half + half * decided[t, n, 3, k]
                share = np.complex64(complex(decided[t, n, 1, k], decided[t, n, 2, k]))
                gain[t, n, k] = g
                output[t, n, k] = g * (error[k] + back * taken[k] - share * echo[k])
