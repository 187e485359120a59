"""The balance of a device's frequency response: more or less bass, more or less treble."""

from aecbench.dsp.elementary import from_decibels
from aecbench.dsp.recursive import filtered, high_shelf, shelf
from aecbench.scenes.devices.device import Device, Range
from aecbench.signals import Array

__all__ = ["DEVICE", "tone"]

BASS, TREBLE = 300.0, 3000.0  # [Hz] where the shelves bend


def tone(x: Array, rate: int, bass: float, treble: float) -> Array:
    """Send x [..., T] through two first-order shelves: `bass` dB below 300 Hz and `treble` dB above 3 kHz."""
    sections = [
        shelf(BASS, float(from_decibels(bass)), rate),
        high_shelf(TREBLE, float(from_decibels(treble)), rate),
    ]
    return filtered(sections, x)


DEVICE = Device(
    tone,
    {"bass": Range(0.0, -30.0, 12.0), "treble": Range(0.0, -30.0, 12.0)},
    source="two first-order shelves",
)
