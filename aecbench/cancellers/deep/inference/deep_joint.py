"""deep_joint without torch: see the module of that name one folder up."""

from typing import Any, ClassVar, NamedTuple

import numpy as np
from pydantic import Field, model_validator
from scipy.fft import irfft, rfft
from typing_extensions import override

from aecbench.cancellers.deep.config import NetworkConfig
from aecbench.cancellers.deep.inference import control, learned_filter
from aecbench.cancellers.deep.inference.canceller import Complex, Inference, Result
from aecbench.cancellers.deep.inference.control import Control
from aecbench.cancellers.deep.inference.layers import Float32, sigmoid
from aecbench.cancellers.deep.inference.learned_filter import Filtered, LearnedFilter, Size
from aecbench.cancellers.deep.inference.weights import Weights
from aecbench.cancellers.deep.losses.weights import JointWeights
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
        self._share: Any = 1.0  # of each of the neighbours whose mean is taken
        self._share = 1 / self._narrowed(np.ones((1, c.n_fft // 2 + 1), np.float32))

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
        _, _, error, echo, taken, _ = inputs.transpose(2, 0, 1, 3)
        decided = self.control(inputs, state.memory).transpose(2, 0, 1, 3)
        gain, back = sigmoid(decided[0] + GAIN), sigmoid(decided[3] + BACK)
        share = np.empty(echo.shape, np.complex64)
        share.real, share.imag = np.tanh(decided[1]), np.tanh(decided[2])
        decisions = {"step_size": filtered.step_size, "uncertainty": filtered.uncertainty, "gain": gain}
        return Result(gain * (error + back * taken - share * echo), decisions)

    def _inputs(self, spectra: Complex, filtered: Filtered) -> Complex:
        """Return the short spectra [T, N, INPUTS, F'] of the second network."""
        error, step_size, uncertainty, _ = filtered
        taken = step_size * error
        long = np.concatenate([spectra, np.stack([error - taken, taken], 2)], 2)
        short = rfft(irfft(long)[..., self._span] * self._inside)
        inputs = np.empty((*short.shape[:2], len(INPUTS), short.shape[-1]), np.complex64)
        inputs[:, :, :3], inputs[:, :, 4] = short[:, :, :3], short[:, :, 3]
        np.subtract(short[:, :, 0], short[:, :, 2], out=inputs[:, :, 3])
        inputs[:, :, 5] = np.sqrt(self._narrowed(uncertainty * np.square(1 - step_size)))
        return inputs

    def _narrowed(self, power: Float32) -> Float32:
        """Return powers [..., F] of long spectra as powers [..., F'] of short ones: means over neighbouring bins."""
        every = self.config.n_fft // self.config.short
        half, bins = every // 2, power.shape[-1]
        padded = np.zeros((*power.shape[:-1], bins + 2 * half), np.float32)
        padded[..., half : half + bins] = power
        total: Float32 = padded[..., :bins:every].copy()
        for i in range(1, 2 * half + 1):
            total += padded[..., i : i + bins : every]
        total *= self._share
        return total
