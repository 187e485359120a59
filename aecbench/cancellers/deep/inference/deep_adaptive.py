"""deep_adaptive without torch: see the module of that name one folder up."""

import math
from typing import ClassVar, NamedTuple

import numpy as np
from pydantic import Field, model_validator
from typing_extensions import override

from aecbench.cancellers.deep.config import NetworkConfig, SteeredConfig
from aecbench.cancellers.deep.inference import control, subband_nlms
from aecbench.cancellers.deep.inference.canceller import Complex, Inference, Result
from aecbench.cancellers.deep.inference.control import Control
from aecbench.cancellers.deep.inference.layers import Float32, sigmoid
from aecbench.cancellers.deep.inference.subband_nlms import SubbandNLMS
from aecbench.cancellers.deep.inference.weights import Weights
from aecbench.cancellers.deep.parts.kalman_front import KalmanTable, kalman_front
from aecbench.cancellers.kalman import Kalman
from aecbench.errors import UsageError

__all__ = [
    "DECISIONS",
    "GAIN",
    "INPUTS",
    "PAIRS",
    "STEP_SIZE",
    "DeepAdaptiveConfig",
    "DeepAdaptiveInference",
    "State",
]

INPUTS = ("mic", "far", "error", "echo")  # of the network; error and echo estimate are the Kalman filter's
PAIRS = ((0, 3), (2, 3), (0, 1))  # of inputs, whose coherences the network gets
DECISIONS = ("reference.real", "reference.imag", "step_size", "gain", "share.real", "share.imag")
STEP_SIZE = 0.02  # before training
GAIN = 3.0  # logit of the gain before training


class DeepAdaptiveConfig(SteeredConfig):
    """The defaults are the values of the released weights: a latency of 32 ms."""

    kalman: KalmanTable = Field({}, validate_default=True)  # fields of Kalman; taps = 0: no such filter
    posterior: bool = True  # the error of the NLMS filter is the a-posteriori one
    bands: int = Field(40, ge=4)
    hidden: int = Field(192, ge=1)  # units of the LSTM over all bands
    small: int = Field(32, ge=1)  # units of the LSTM along each band
    filter: bool = True  # False: no NLMS filter

    @model_validator(mode="after")
    def _kalman_is_in_range(self) -> "DeepAdaptiveConfig":
        try:
            kalman_front(self.hop_length, self.kalman)
        except UsageError as error:
            raise ValueError(str(error)) from None
        return self


class State(NamedTuple):
    """The NLMS filter and the network after a frame."""

    filter: subband_nlms.State
    memory: control.Memory


class DeepAdaptiveInference(Inference):
    """The network and the NLMS filter."""

    Config: ClassVar[type[NetworkConfig]] = DeepAdaptiveConfig
    config: DeepAdaptiveConfig

    @override
    def __init__(self, config: DeepAdaptiveConfig, weights: Weights) -> None:
        self.config = config
        self._kalman = kalman_front(config.hop_length, config.kalman)
        self.filter = SubbandNLMS(config.taps, delta=config.delta, posterior=config.posterior)
        self.bins = config.n_fft // 2 + 1
        sizes = {"bands": config.bands, "hidden": config.hidden, "small": config.small}
        self.control = Control(weights.part("control"), len(INPUTS), PAIRS, len(DECISIONS), self.bins, **sizes)

    @property
    @override
    def front(self) -> Kalman | None:
        return self._kalman

    @override
    def start(self, signals: int) -> State:
        return State(self.filter.start(signals, self.bins), self.control.start(signals))

    @override
    def frames(self, spectra: Complex, state: State) -> Result:
        mic, far = spectra[:, :, 0], spectra[:, :, 1]
        error = mic if self._kalman is None else spectra[:, :, 2]
        numbers = self.control(np.stack([mic, far, error, mic - error], 2), state.memory)
        decision = dict(zip(DECISIONS, numbers.transpose(2, 0, 1, 3), strict=True))
        reference, step_size = far, np.full(mic.shape, STEP_SIZE, np.float32)
        if self.config.learn_reference:
            reference = far * (1 + _bounded(decision, "reference"))
        if self.config.learn_step:
            step_size = sigmoid(decision["step_size"] + math.log(STEP_SIZE / (1 - STEP_SIZE)))
        if self.config.filter:
            error = self.filter(reference, error, step_size, state.filter)
        output = sigmoid(decision["gain"] + GAIN) * (error - _bounded(decision, "share") * (mic - error))
        return Result(output, {"step_size": step_size, "reference": reference})


def _bounded(decision: dict[str, Float32], name: str) -> Complex:
    """Return a decision with real and imaginary parts in -1 ... 1."""
    z = np.empty(decision[f"{name}.real"].shape, np.complex64)
    z.real, z.imag = np.tanh(decision[f"{name}.real"]), np.tanh(decision[f"{name}.imag"])
    return z
