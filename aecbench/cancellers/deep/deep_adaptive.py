"""Deep adaptive echo cancellation: a network steers an adaptive filter and is trained through it.

H. Zhang, S. Kandadai, H. Rao, M. Kim, T. Pruthi, T. Kristjansson, "Deep adaptive AEC: hybrid of deep learning and
adaptive acoustic echo cancellation", ICASSP 2022: a network estimates a nonlinear reference, magnitude and phase, and
the step sizes of a subband NLMS filter. deep_adaptive_2022.py is closer to the paper. Here there are three stages:

1. a plain NLMS filter of fixed step size, for the network to see how much of the microphone is linear echo;
2. a network that decides on reference and step size, per bin and frame, and the NLMS filter with these;
3. a network that decides how to suppress what that filter leaves: g (E - c Y), with its error E, its echo estimate Y,
   a gain g in 0 ... 1, and a complex c, per bin and frame.
"""

import math
from typing import ClassVar, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from aecbench.cancellers.deep import losses, stft
from aecbench.cancellers.deep.base import Batch, NetworkConfig
from aecbench.cancellers.deep.control import Control, Memory
from aecbench.cancellers.deep.framewise import FramewiseNetwork
from aecbench.cancellers.deep.subband_nlms import State as FilterState
from aecbench.cancellers.deep.subband_nlms import SubbandNLMS

__all__ = ["DeepAdaptive", "DeepAdaptiveConfig", "State"]

PAIRS = ((0, 3), (2, 3), (0, 1))  # of microphone, far end, error, echo estimate
STEP_SIZE = 0.6  # of the plain filter, and of the other one before training
GAIN = 3.0  # logit of the gain before training


class DeepAdaptiveConfig(NetworkConfig):
    """Defaults are those of the released weights: a latency of 32 ms."""

    n_fft: int = Field(512, ge=16)
    hop_length: int = Field(256, ge=8)
    taps: int = Field(12, ge=1)  # frames that the echo path spans
    delta: float = Field(0.1, gt=0)  # regularisation of the filter that is steered, see SubbandNLMS
    posterior: bool = True  # its error is the a-posteriori one
    bands: int = Field(40, ge=4)
    hidden: int = Field(128, ge=1)  # units of the LSTM over all bands
    small: int = Field(24, ge=1)  # units of the LSTM along each band
    filter: bool = True  # False: no filter; the last network gets microphone and far end alone
    learn_reference: bool = True  # False: the reference is the far end
    learn_step: bool = True  # False: one fixed step size
    loss: losses.Weights = losses.Weights()


class State(NamedTuple):
    """What the filters and both networks remember."""

    plain: FilterState
    steered: FilterState
    steer: Memory
    suppress: Memory


class Stages(NamedTuple):
    """Spectra [N, T, F] on the way to the output."""

    output: Tensor
    error: Tensor  # of the steered filter
    reference: Tensor  # learned
    step_size: Tensor  # real


class DeepAdaptive(FramewiseNetwork):
    """The network. Spectra are [N, T, F]."""

    Config: ClassVar[type[NetworkConfig]] = DeepAdaptiveConfig
    config: DeepAdaptiveConfig

    def __init__(self, config: DeepAdaptiveConfig) -> None:
        super().__init__(config)
        bins = config.n_fft // 2 + 1
        sizes = bins, config.bands, config.hidden, config.small
        self.plain = SubbandNLMS(config.taps, delta=1.0, posterior=True)
        self.steered = SubbandNLMS(config.taps, delta=config.delta, posterior=config.posterior)
        self.steer = Control(4, PAIRS, 3, *sizes) if config.filter else None
        self.suppress = Control(4, PAIRS, 3, *sizes)

    def initial(self, mic: Tensor) -> State:
        """The state before the first frame."""
        by_bin = mic.mT
        memory = self.suppress.initial(mic)
        return State(self.plain.init(by_bin), self.steered.init(by_bin), memory, memory)

    def frames(self, mic: Tensor, far: Tensor, state: State) -> tuple[Tensor, State]:
        """The output, and the state after the last frame."""
        stages, state = self.stages(mic, far, state)
        return stages.output, state

    def stages(self, mic: Tensor, far: Tensor, state: State) -> tuple[Stages, State]:
        """All that is decided and comes of it, and the state after the last frame."""
        error, echo, reference, step_size = mic, far, far, torch.full_like(mic.real, STEP_SIZE)
        plain, steered, memory = state.plain, state.steered, state.steer
        if self.steer is not None:
            with torch.no_grad():
                first = self.plain(far.mT, mic.mT, step_size.mT, plain)
            plain = first.state
            decided, memory = self.steer([mic, far, first.error.mT, first.echo.mT], memory)
            if self.config.learn_reference:
                reference = far * torch.complex(1 + torch.tanh(decided[..., 0]), torch.tanh(decided[..., 1]))
            if self.config.learn_step:
                step_size = torch.sigmoid(decided[..., 2] + _logit(STEP_SIZE))
            second = self.steered(reference.mT, mic.mT, step_size.mT, steered)
            error, echo, steered = second.error.mT, second.echo.mT, second.state
        decided, last = self.suppress([mic, far, error, echo], state.suppress)
        gain = torch.sigmoid(decided[..., 0] + GAIN)
        share = torch.complex(torch.tanh(decided[..., 1]), torch.tanh(decided[..., 2]))
        output = gain * (error - share * echo)
        return Stages(output, error, reference, step_size), State(plain, steered, memory, last)

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """See losses.objective."""
        config, hop = self.config, self.config.hop_length
        mic, far, rest, echo = (
            stft.spectra(z, config.n_fft, hop) for z in (batch.mic, batch.far, batch.near + batch.noise, batch.echo)
        )
        stages, _ = self.stages(mic, far, self.initial(mic))
        estimate = stft.signal(stages.output, hop, batch.mic.shape[-1])
        return losses.objective(batch, estimate, stages.error - rest, echo, config.mode, config.loss)

    @property
    def macs_per_second(self) -> float:
        """Both networks; 4 real multiplications per tap and bin for the filter's output and 4 for its update."""
        config = self.config
        filters = 16 * config.taps * (config.n_fft // 2 + 1) if self.steer is not None else 0
        networks = self.suppress.macs + (self.steer.macs if self.steer is not None else 0)
        return (networks + filters) * config.sample_rate / config.hop_length


def _logit(p: float) -> float:
    return math.log(p / (1 - p))
