"""Echo paths that change: somebody moves the device or walks by, or a door opens."""

import itertools
from collections.abc import Sequence

from aecbench.dsp.convolve import convolve
from aecbench.errors import ConfigError
from aecbench.scenes.channel.blend import Knot, blend, steps
from aecbench.signals import Array

__all__ = ["move", "switch"]

FADE = 0.02  # seconds


def switch(x: Array, responses: Array, times: Sequence[float], rate: int, fade: float = FADE) -> Array:
    """Send x [..., T] through responses[0], and through responses[k + 1] from times[k] seconds on.

    `responses` is [K, ..., L] with K = len(times) + 1. Each change is a cross-fade of the outputs over `fade` seconds
    that begins at its time. Returns float32 [..., T]. Raises ConfigError for times that do not ascend by at least
    `fade`.
    """
    return _filter(x, responses, steps(len(responses), times, rate, fade))


def move(x: Array, responses: Array, times: Sequence[float], rate: int) -> Array:
    """Send x [..., T] through a path that is responses[k] at times[k] seconds and moves evenly in between.

    `responses` is [K, ..., L] with K = len(times). The output fades linearly from one response to the next, which
    equals a linear interpolation of the responses: neighbours should differ by a small part of a wavelength (4 cm at
    8 kHz), or the sound between them is combed. Returns float32 [..., T]. Raises ConfigError for times that do not
    ascend, or are not as many as responses.
    """
    if len(times) != len(responses):
        raise ConfigError(f"{len(times)} times for {len(responses)} responses; expected one for each")
    knots = [Knot(round(rate * time), k) for k, time in enumerate(times)]
    if any(first.at >= second.at for first, second in itertools.pairwise(knots)):
        raise ConfigError(f"the path is at its points at {list(times)} s; expected ascending times")
    return _filter(x, responses, knots)


def _filter(x: Array, responses: Array, knots: Sequence[Knot]) -> Array:
    memory = responses.shape[-1] - 1

    def filtered(k: int, start: int, stop: int) -> Array:
        begin = max(0, start - memory)
        return convolve(x[..., begin:stop], responses[k])[..., start - begin :]

    return blend(filtered, knots, x.shape[-1])
