"""The processing of the microphone signal inside a device. A new stage is a file and a line in CAPTURE.

Every stage acts on the stems near, echo and noise alike, as a linear filter or as a gain over time that it derives from
their sum. Its output for the sum is therefore the sum of its outputs for the stems, even where it clips.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from aecbench.errors import UnknownName
from aecbench.scenes.capture import clipping, high_pass, limiter, suppressor, tone
from aecbench.scenes.devices.device import Device, settings
from aecbench.signals import Array

__all__ = ["CAPTURE", "capture"]

CAPTURE: dict[str, Device] = {
    "high_pass": high_pass.STAGE,
    "tone": tone.STAGE,
    "clipping": clipping.STAGE,
    "suppressor": suppressor.STAGE,
    "limiter": limiter.STAGE,
}  # in the order of the signal; fn(stems [S, T], rate, **parameters) -> float32 [S, T]


def capture(stems: Array, stages: Sequence[tuple[str, Mapping[str, float]]], rate: int) -> Array:
    """Send stems [S, T] through stages, given by name with their parameters: float32 [S, T].

    Raises UnknownName for a stage that is not a row of CAPTURE, and ConfigError for a parameter that a stage does not
    have, or a value out of its range.
    """
    for name, parameters in stages:
        if name not in CAPTURE:
            raise UnknownName("capture stage", name, CAPTURE)
        stage = CAPTURE[name]
        stems = stage.fn(stems, rate, **settings(f"capture stage {name}", stage.parameters, parameters))
    return np.asarray(stems, np.float32)
