"""deep_adaptive_2022 without torch: see the module of that name one folder up."""

import math
from typing import ClassVar, NamedTuple

import numpy as np
from pydantic import Field
from typing_extensions import override

from aecbench.cancellers.deep.config import NetworkConfig, SteeredConfig
from aecbench.cancellers.deep.inference import subband_nlms
from aecbench.cancellers.deep.inference.canceller import Complex, Inference, Result
from aecbench.cancellers.deep.inference.layers import Memory, linear, lstm, relu, sigmoid
from aecbench.cancellers.deep.inference.subband_nlms import SubbandNLMS
from aecbench.cancellers.deep.inference.weights import Weights

__all__ = ["FLOOR", "DeepAdaptive2022Config", "DeepAdaptive2022Inference", "State"]

FLOOR = 1e-6  # power of a bin that is almost silent


class DeepAdaptive2022Config(SteeredConfig):
    """The paper has 4 layers of 300 units; 2 of them, with 2 fully connected ones behind, learn faster."""

    layers: int = Field(2, ge=1)  # LSTM
    dense: int = Field(2, ge=1)  # fully connected layers behind, the last one to the outputs
    hidden: int = Field(300, ge=1)
    step_size: float = Field(0.5, gt=0, lt=1)  # before training


class State(NamedTuple):
    """Filter and network after a frame."""

    filter: subband_nlms.State
    memories: tuple[Memory, ...]  # of the layers, [N, hidden, 1]


class DeepAdaptive2022Inference(Inference):
    """The network and the NLMS filter."""

    Config: ClassVar[type[NetworkConfig]] = DeepAdaptive2022Config
    config: DeepAdaptive2022Config

    @override
    def __init__(self, config: DeepAdaptive2022Config, weights: Weights) -> None:
        self.config = config
        self.bins, units = config.n_fft // 2 + 1, config.hidden
        self.filter = SubbandNLMS(config.taps, delta=config.delta)
        inputs = [2 * self.bins, *(config.layers - 1) * [units]]
        self._layers = [lstm(weights.part("lstm"), count, units, layer) for layer, count in enumerate(inputs)]
        self._dense = [linear(weights.part(f"dense.{2 * i}"), units, units) for i in range(config.dense - 1)]
        self._last = linear(weights.part("last"), units, 3 * self.bins)

    @override
    def start(self, signals: int) -> State:
        zeros = np.zeros((self.config.layers, 2, signals, self.config.hidden, 1), np.float32)
        return State(self.filter.start(signals, self.bins), tuple(Memory(*layer) for layer in zeros))

    @override
    def frames(self, spectra: Complex, state: State) -> Result:
        mic, far = spectra[:, :, 0], spectra[:, :, 1]
        both = np.concatenate([mic, far], -1)[..., None]
        x = np.log10(np.square(both.real) + np.square(both.imag) + FLOOR) / 2 + 1
        for layer, memory in zip(self._layers, state.memories, strict=True):
            x = layer(x, memory)
        for dense in self._dense:
            x = relu(dense(x))
        loudness, phase, step = np.split(self._last(x)[..., 0], 3, -1)
        reference, step_size = far, np.full(mic.shape, self.config.step_size, np.float32)
        if self.config.learn_reference:
            reference = far * (2 * sigmoid(loudness) * np.exp(1j * np.float32(np.pi) * np.tanh(phase)))
        if self.config.learn_step:
            step_size = sigmoid(step + math.log(self.config.step_size / (1 - self.config.step_size)))
        error = self.filter(reference, mic, step_size, state.filter)
        return Result(error, {"step_size": step_size, "reference": reference})
