"""The frequency response of the microphone: its capsule, its port and the case around it."""

from aecbench.scenes.devices import tone
from aecbench.scenes.devices.device import Device

__all__ = ["STAGE"]

STAGE = Device(tone.tone, tone.DEVICE.parameters, source=tone.DEVICE.source)
