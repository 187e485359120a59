"""The true response of a scene's echo path, far-end reference to echo, at the end of the scene."""

import numpy as np

from aecbench.corpus.read import Item
from aecbench.metrics.base import NO_STEMS, Inapplicable
from aecbench.scenes.scene import Scene
from aecbench.signals import Array

__all__ = ["true_response"]


def true_response(item: Item) -> Array:
    """Impulse response [L] with the bulk delay and the volume there are at the end: `echo` is `far` through it.

    Raises Inapplicable, with the reason, where no impulse response is all of the echo path: behind a nonlinear
    loudspeaker, a device with a response of its own, which the corpus does not keep, or a gain control, with clocks
    that drift, and where the path is not known.
    """
    scene = item.scene
    if not isinstance(scene, Scene):
        raise Inapplicable("the echo path is not known" if scene.stems else NO_STEMS)
    for applies, obstacle in (
        (scene.loudspeaker.model != "linear", f"the loudspeaker is not linear: {scene.loudspeaker.model}"),
        (scene.loudspeaker.stages or scene.loudspeaker.measured, "the loudspeaker has a response of its own"),
        (scene.agc, "the microphone has a gain control"),
        (scene.capture, "the device processes the microphone signal"),
        (scene.channel.drift, "the clocks drift"),
    ):
        if applies:
            raise Inapplicable(obstacle)
    kept = {"static": 0, "switch": len(scene.path.times), "move": 1}[scene.path.kind]
    response, channel = item.rir[kept], scene.channel
    for _, gain in channel.volume[-1:]:
        response = response * np.float32(10 ** (gain / 20))
    for _, delay in channel.jumps[-1:]:
        later = round((delay - channel.delay) * scene.rate)
        response = np.pad(response, (later, 0)) if later >= 0 else response[-later:]
    return np.asarray(response)
