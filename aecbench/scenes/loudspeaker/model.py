"""A nonlinearity of the table: a function, the parameters a recipe may set, and where it comes from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aecbench.errors import ConfigError, did_you_mean
from aecbench.signals import Array

__all__ = ["DRIVE", "Model", "Range", "settings"]


@dataclass(frozen=True, slots=True)
class Range:
    """A parameter: its value when a recipe does not set it, and the values it may take (ends included)."""

    default: float
    low: float
    high: float


DRIVE = Range(1.0, 0.05, 10.0)  # peak of the signal that drives the nonlinearity, in units of full scale


@dataclass(frozen=True, slots=True)
class Model:
    """A memoryless nonlinearity: fn(x, **parameters) acts on samples x [..., T] in units of full scale, fn(0) = 0.

    `parameters` holds `drive`, which `apply` sees to, and the ones of `fn`. A model without `drive` is linear.
    `even` says that the model makes even-order distortion, and hence DC.
    """

    fn: Callable[..., Array]
    parameters: Mapping[str, Range]
    source: str
    even: bool = False


def settings(owner: str, parameters: Mapping[str, Range], given: Mapping[str, float]) -> dict[str, float]:
    """All parameters of `owner`: the given values, checked, and the defaults of the others.

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
