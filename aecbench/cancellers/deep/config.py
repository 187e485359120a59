"""Parameters that all networks share; this module does not import torch."""

from typing import Literal

from pydantic import Field, model_validator

from aecbench.cancellers.deep.losses.weights import Weights
from aecbench.record import Frozen

__all__ = ["NetworkConfig", "SteeredConfig"]


class NetworkConfig(Frozen):
    """Parameters of every network; a network adds its own, with the values of its paper as defaults.

    All of them are written to the card of a trained network, so their types are those of TOML: numbers, strings, lists,
    tables.
    """

    sample_rate: int = Field(16_000, ge=8_000, le=48_000)  # [Hz]
    n_fft: int = Field(1024, ge=16)  # frame of the short-time Fourier transform [samples]
    hop_length: int = Field(256, ge=8)  # hop from frame to frame, and block of the canceller [samples]
    mode: Literal["joint", "echo_only"] = "joint"  # remove echo and noise, or echo only

    @model_validator(mode="after")
    def _frames_overlap(self) -> "NetworkConfig":
        if self.n_fft % self.hop_length or self.n_fft < 2 * self.hop_length:
            raise ValueError(
                f"n_fft is {self.n_fft}, expected a multiple of hop_length ({self.hop_length}), at least twice as long"
            )
        return self


class SteeredConfig(NetworkConfig):
    """Parameters of networks that control an NLMS filter; the defaults result in a latency of 32 ms."""

    n_fft: int = Field(512, ge=16)
    hop_length: int = Field(256, ge=8)
    taps: int = Field(10, ge=1)  # frames that the filter spans
    delta: float = Field(0.1, gt=0)  # regularisation of the NLMS filter, see SubbandNLMS
    learn_reference: bool = True  # False: the reference is the far end itself
    learn_step: bool = True  # False: the step size is fixed
    loss: Weights = Weights()
