"""The high-pass that takes hum, wind and rumble out of a microphone signal."""

from aecbench.dsp.recursive import butterworth_high_pass, filtered
from aecbench.scenes.devices.device import Device, Range
from aecbench.signals import Array

__all__ = ["STAGE", "high_pass"]

ORDER = 2


def high_pass(stems: Array, rate: int, frequency: float) -> Array:
    """Send every stem [S, T] through a second-order Butterworth high-pass, -3 dB at `frequency` Hz."""
    return filtered(butterworth_high_pass(ORDER, frequency, rate), stems)


STAGE = Device(high_pass, {"frequency": Range(100.0, 20.0, 400.0)}, source="second-order Butterworth")
