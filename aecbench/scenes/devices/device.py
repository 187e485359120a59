"""A stage of a device: a function, the parameters that a recipe may set, and its source."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aecbench.errors import ConfigError, did_you_mean
from aecbench.signals import Array

__all__ = ["DRIVE", "Device", "Range", "settings"]


@dataclass(frozen=True, slots=True)
class Range:
    """A parameter: its value when a recipe does not set it, and the values it may take (ends included)."""

    default: float
    low: float
    high: float


DRIVE = Range(1.0, 0.05, 10.0)  # peak of the signal that drives the nonlinearity, in units of full scale


@dataclass(frozen=True, slots=True)
class Device:
    """A stage of a loudspeaker device, which turns x [..., T], in units of full scale, into a signal of the same shape.

    `fn` is fn(x, rate, **parameters), or, where the stage is `memoryless`, fn(x, **parameters) of samples, fn(0) = 0.
    `parameters` of a memoryless stage may hold `drive`, the amplification in front of `fn`, which does not see it; one
    without `drive` is linear. `even` says that a memoryless stage makes even-order distortion, and hence DC.
    `source` names the paper or the idea.
    """

    fn: Callable[..., Array]
    parameters: Mapping[str, Range]
    source: str
    memoryless: bool = False
    even: bool = False


def settings(owner: str, parameters: Mapping[str, Range], given: Mapping[str, float]) -> dict[str, float]:
    """Return all parameters of `owner`: the given values, checked, and the defaults of the others.

    Raises ConfigError for a name that `owner` does not have and for a value outside its range.

    >>> settings("loudspeaker tanh", {"drive": DRIVE}, {"drive": 2.0})
    {'drive': 2.0}
    >>> settings("loudspeaker tanh", {"drive": DRIVE}, {"drvie": 2.0})
    Traceback (most recent call last):
    aecbench.errors.ConfigError: loudspeaker tanh has no parameter 'drvie': did you mean 'drive'?
    >>> settings("loudspeaker tanh", {"drive": DRIVE}, {"drive": float("nan")})
    Traceback (most recent call last):
    aecbench.errors.ConfigError: loudspeaker tanh: drive = nan, expected a value from 0.05 to 10.0
    """
    for name, value in given.items():
        if name not in parameters:
            raise ConfigError(f"{owner} has no parameter {name!r}: {did_you_mean(name, parameters)}")
        allowed = parameters[name]
        if not allowed.low <= value <= allowed.high:
            raise ConfigError(f"{owner}: {name} = {value}, expected a value from {allowed.low} to {allowed.high}")
    return {name: given.get(name, allowed.default) for name, allowed in parameters.items()}
