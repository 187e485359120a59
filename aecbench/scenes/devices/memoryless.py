"""The memoryless loudspeaker models as stages of a device."""

from aecbench.scenes.devices.device import Device
from aecbench.scenes.loudspeaker import Model, distort
from aecbench.signals import Array

__all__ = ["memoryless"]


def memoryless(model: Model) -> Device:
    """The stage that distorts a signal, in units of full scale, as `model` does with it, and keeps its power."""

    def stage(x: Array, rate: int, **values: float) -> Array:
        return distort(model, x, values) if "drive" in values else model.fn(x, **values)

    return Device(stage, model.parameters, model.source)
