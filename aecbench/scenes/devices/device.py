"""A stage of a device."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aecbench.scenes.loudspeaker.model import Range
from aecbench.signals import Array

__all__ = ["Device"]


@dataclass(frozen=True, slots=True)
class Device:
    """A stage: fn(x, rate, **parameters) turns x [..., T], in units of full scale, into a signal of the same shape."""

    fn: Callable[..., Array]
    parameters: Mapping[str, Range]
    source: str
