"""No distortion."""

from aecbench.scenes.loudspeaker.model import Model
from aecbench.signals import Array

__all__ = ["MODEL", "linear"]


def linear(x: Array) -> Array:
    """Identity y = x."""
    return x


MODEL = Model(linear, {}, source="identity")
