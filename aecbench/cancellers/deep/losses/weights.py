"""Weights of the terms of losses, as tables of a network's configuration, without torch."""

from pydantic import Field

from aecbench.record import Frozen

__all__ = ["JointWeights", "Weights"]


class Weights(Frozen):
    """The weights of the terms of `objective.objective`; 0 omits a term."""

    si_sdr: float = Field(0.05, ge=0)  # per dB
    sdr: float = Field(0.0, ge=0)  # per dB: as SI-SDR, but the level counts
    spectra: float = Field(5.0, ge=0)
    disturbance: float = Field(0.0, ge=0)  # per MOS that PESQ would subtract
    residual: float = Field(0.03, ge=0)  # of the error of the output against the microphone, per dB
    echo: float = Field(0.03, ge=0)  # of the residual echo of a filter against the echo, per dB
    noise: float = Field(0.0, ge=0, le=1)  # not a term: the share of the noise's amplitude to keep, in mode joint


class JointWeights(Frozen):
    """The weights of the terms of `joint.joint_loss`; 0 omits a term."""

    sdr: float = Field(0.05, ge=0)  # per dB
    spectra: float = Field(20.0, ge=0)
    lost: float = Field(40.0, ge=0)  # the part of `spectra` that is missing where the near end talks, once more
    disturbance: float = Field(1.5, ge=0)  # per MOS that PESQ would subtract
    residual: float = Field(0.03, ge=0)  # of the error of the output against the microphone, per dB
    true_echo: float = Field(0.03, ge=0)  # of the error of the output against the echo, per dB
    filter: float = Field(0.05, ge=0)  # of the echo that the filter leaves against the echo, per dB
    quiet: float = Field(-65.0, ge=-120, le=0)  # not a term: level [dBFS] of noise above which it is turned down,
    ratio: float = Field(0.65, ge=0, le=1)  # not a term: dB per dB
