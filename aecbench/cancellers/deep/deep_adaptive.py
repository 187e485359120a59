"""Deep adaptive echo cancellation: a network steers an adaptive filter and is trained through it.

H. Zhang, S. Kandadai, H. Rao, M. Kim, T. Pruthi, T. Kristjansson, "Deep adaptive AEC: hybrid of deep learning and
adaptive acoustic echo cancellation", ICASSP 2022: a network estimates a nonlinear reference, magnitude and phase, and
the step sizes of a subband NLMS filter. deep_adaptive_2022.py is closer to the paper. Here

1. a Kalman filter takes out what a classical filter can, and it learns fast: there is little to train for that;
2. a network sees microphone, far end, what that filter leaves and what it took out. In every frame and bin it decides
   on reference and step size of an NLMS filter, which goes on where the first one stopped,
3. and on how to suppress what both leave: g (E - c Y), with the error E, the echo estimate Y of both, a gain g in
   0 ... 1, and a complex c.
"""

import math
from typing import ClassVar, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from aecbench.cancellers.deep.base import NetworkConfig
from aecbench.cancellers.deep.layers.subband_nlms import State as FilterState
from aecbench.cancellers.deep.layers.subband_nlms import SubbandNLMS
from aecbench.cancellers.deep.parts.control import Control, Memory
from aecbench.cancellers.deep.parts.steered import Stages, SteeredConfig, SteeredNetwork
from aecbench.cancellers.kalman import Kalman
from aecbench.record import Frozen

__all__ = ["DeepAdaptive", "DeepAdaptiveConfig", "State"]

PAIRS = ((0, 3), (2, 3), (0, 1))  # of microphone, far end, error, echo estimate of the Kalman filter
STEP_SIZE = 0.02  # before training
GAIN = 3.0  # logit of the gain before training


class KalmanConfig(Frozen):
    """Fields of `aecbench.cancellers.kalman.Kalman`, as tuned for the baseline of that name."""

    taps: int = Field(4096, ge=0)  # 0: no such filter
    transition: float = Field(0.9998929, ge=0, le=1)
    shadow_transition: float = Field(0.7373, ge=0, le=1)
    smoothing: float = Field(0.91707, ge=0, le=0.999)
    decay: float = Field(30.34, ge=0, le=120)


class DeepAdaptiveConfig(SteeredConfig):
    """Defaults are those of the released weights: a latency of 32 ms."""

    kalman: KalmanConfig = KalmanConfig()
    posterior: bool = True  # the error of the NLMS filter is the a-posteriori one
    bands: int = Field(40, ge=4)
    hidden: int = Field(192, ge=1)  # units of the LSTM over all bands
    small: int = Field(32, ge=1)  # units of the LSTM along each band
    filter: bool = True  # False: no NLMS filter


class State(NamedTuple):
    """What the NLMS filter and the network remember."""

    filter: FilterState
    memory: Memory


class DeepAdaptive(SteeredNetwork):
    """The network. Spectra are [N, T, F]."""

    Config: ClassVar[type[NetworkConfig]] = DeepAdaptiveConfig
    config: DeepAdaptiveConfig

    def __init__(self, config: DeepAdaptiveConfig) -> None:
        super().__init__(config)
        bins = config.n_fft // 2 + 1
        self.filter = SubbandNLMS(config.taps, delta=config.delta, posterior=config.posterior)
        self.control = Control(4, PAIRS, 6, bins, config.bands, config.hidden, config.small)

    @property
    def front(self) -> Kalman | None:
        """The Kalman filter."""
        settings = self.config.kalman
        return Kalman(self.config.hop_length, **settings.model_dump()) if settings.taps else None

    def initial(self, mic: Tensor) -> State:
        """The state before the first frame."""
        return State(self.filter.init(mic), self.control.initial(mic))

    def stages(self, spectra: Tensor, state: State) -> tuple[Stages, State]:
        """All that is decided and comes of it, and the state after the last frame."""
        mic, far, error = (*spectra, spectra[0])[:3]
        decided, memory = self.control([mic, far, error, mic - error], state.memory)
        after = state.filter
        reference, step_size = far, torch.full_like(mic.real, STEP_SIZE)
        if self.config.learn_reference:
            reference = far * torch.complex(1 + torch.tanh(decided[..., 0]), torch.tanh(decided[..., 1]))
        if self.config.learn_step:
            step_size = torch.sigmoid(decided[..., 2] + _logit(STEP_SIZE))
        if self.config.filter:
            filtered = self.filter(reference, error, step_size, after)
            error, after = filtered.error, filtered.state
        gain = torch.sigmoid(decided[..., 3] + GAIN)
        share = torch.complex(torch.tanh(decided[..., 4]), torch.tanh(decided[..., 5]))
        output = gain * (error - share * (mic - error))
        return Stages(output, error, reference, step_size), State(after, memory)


def _logit(p: float) -> float:
    return math.log(p / (1 - p))
