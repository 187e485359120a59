"""A polynomial of order 5: the products of each order can be set one by one, and are known in closed form."""

from aecbench.scenes.devices.device import Device, Range
from aecbench.signals import Array

__all__ = ["DEVICE", "polynomial"]


def polynomial(x: Array, second: float, third: float, fourth: float, fifth: float) -> Array:
    """Power series y = x + second x^2 + third x^3 + fourth x^4 + fifth x^5."""
    return x * (1 + x * (second + x * (third + x * (fourth + x * fifth))))


DEVICE = Device(
    polynomial,
    {
        "drive": Range(1.0, 0.05, 2.0),  # beyond, the highest power is all that is heard
        "second": Range(0.1, -1.0, 1.0),
        "third": Range(-0.1, -1.0, 1.0),
        "fourth": Range(0.0, -1.0, 1.0),
        "fifth": Range(0.0, -1.0, 1.0),
    },
    source="power series",
    memoryless=True,
    even=True,
)
