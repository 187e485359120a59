"""deep_step_size without torch: see the module of that name one folder up."""

from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from aecbench.cancellers.deep.config import NetworkConfig
from aecbench.cancellers.deep.inference.canceller import Complex, Inference, Result
from aecbench.cancellers.deep.inference.learned_filter import LearnedFilter, Size, State
from aecbench.cancellers.deep.inference.step_size_network import KINDS
from aecbench.cancellers.deep.inference.weights import Weights

__all__ = ["DeepStepSizeConfig", "DeepStepSizeInference"]


class DeepStepSizeConfig(NetworkConfig):
    """The paper has n_fft = 512, hop_length = 128, taps = 8, update = "nlms", smoothing = 0, decay = 0."""

    mode: Literal["echo_only"] = "echo_only"  # noise stays
    n_fft: int = Field(1024, ge=16)
    hop_length: int = Field(256, ge=8)
    taps: int = Field(16, ge=1)  # frames that the echo path spans
    network: Literal["narrow", "hybrid", "broad"] = "hybrid"
    feedback: bool = True  # False: step sizes from microphone and far end alone
    update: Literal["kalman", "nlms"] = "kalman"
    posterior: bool = True  # output with the updated filter
    smoothing: float = Field(0.5, ge=0, lt=1)  # of |e|² over time and frequency before m_e
    decay: float = Field(30.0, ge=0, le=120)  # of the expected room over the taps, before training [dB]
    bands: int = Field(64, ge=4)  # of bins, along which the network runs
    hidden: int = Field(48, ge=1)  # units of the GRU; twice as many if it is over all bands at once
    burn_in: int = Field(16, ge=0)  # frames at the start that the loss omits
    truncation: int = Field(0, ge=0)  # frames after which gradients are cut; 0: never
    path_change: float = Field(0.3, ge=0, le=1)  # share of training examples whose echo path changes half-way
    whole: float = Field(0.5, ge=0, le=1)  # weight of the residual echo of the whole example; the rest: frame by frame
    disturbance: float = Field(0.0, ge=0)  # dB of loss per MOS that PESQ would subtract, near end active


class DeepStepSizeInference(Inference):
    """The network, with a memory for every band and with feedback, in front of a Kalman filter."""

    Config: ClassVar[type[NetworkConfig]] = DeepStepSizeConfig
    config: DeepStepSizeConfig

    @staticmethod
    @override
    def supports(config: DeepStepSizeConfig) -> bool:
        return KINDS[config.network].own and config.feedback and config.update == "kalman"

    @override
    def __init__(self, config: DeepStepSizeConfig, weights: Weights) -> None:
        self.config = config
        size = Size(config.n_fft, config.hop_length, config.taps, 0, config.bands, config.hidden)
        self.filter = LearnedFilter(weights, size, config.smoothing, config.network)

    @override
    def start(self, signals: int) -> State:
        return self.filter.start(signals)

    @override
    def frames(self, spectra: Complex, state: State) -> Result:
        mic, far = spectra[:, :, 0], spectra[:, :, 1]
        error, step_size, _, masks = self.filter(mic, far, state)
        output = (1 - step_size) * error if self.config.posterior else error
        step, share, drift = (masks[:, :, i] for i in range(3))
        decisions = {"step_size": step_size, "step": step, "error": share, "drift": drift, "echo": mic - output}
        return Result(output, decisions)
