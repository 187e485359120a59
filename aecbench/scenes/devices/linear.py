"""No distortion."""

from aecbench.scenes.devices.device import Device
from aecbench.signals import Array

__all__ = ["DEVICE", "linear"]


def linear(x: Array) -> Array:
    """Identity y = x."""
    return x


DEVICE = Device(linear, {}, source="identity", memoryless=True)
