"""Background noise. A new synthetic kind is one function and one line of NOISES; babble and recordings need sources.

Other packages add theirs as entry points `aecbench.noises`.
"""

from collections.abc import Callable

import numpy as np

from aecbench.dsp.levels import active_power
from aecbench.errors import SourceError
from aecbench.plugins import Table
from aecbench.scenes.noise.recorded import NoiseSource, open_noise
from aecbench.scenes.noise.synthetic import device, pink, speech_shaped, white
from aecbench.scenes.scene import Noise
from aecbench.scenes.speech import SpeechSource, speak
from aecbench.signals import Array

__all__ = ["NOISES", "TABLE", "NoiseSource", "open_noise", "render_noise"]

NOISES: dict[str, Callable[[np.random.Generator, int, int], Array]] = {
    "device": device,
    "pink": pink,
    "speech_shaped": speech_shaped,
    "white": white,
}  # (rng, length, rate) -> float32 [length] of power 1
TABLE = Table("noise", "aecbench.noises", NOISES, reserved=("none", "babble", "recorded"))


def render_noise(
    noise: Noise, length: int, rate: int, noise_source: NoiseSource | None, speech_source: SpeechSource | None
) -> Array:
    """The noise of a scene as float32 [length], at no particular level, but never silent.

    Synthetic noise comes from `seed`, recorded noise from `start` on, babble is the sum of its voices at equal active
    power. Raises UnknownName for a kind that is not known, SourceError for silence or a missing
    source, ConfigError and AecbenchError for a kind of another package that cannot be used or fails.
    """
    if noise.kind == "recorded":
        x = _recorded(noise, length, rate, noise_source)
    elif noise.kind == "babble":
        x = _babble(noise, length, rate, speech_source)
    else:
        x = _synthetic(noise, length, rate)
    if not x.any():
        raise SourceError(f"noise {noise.file or noise.kind!r} is silent for {length / rate:g} s; draw another one")
    return x


def _synthetic(noise: Noise, length: int, rate: int) -> Array:
    fn = TABLE.find(noise.kind)
    with TABLE.blamed(noise.kind):
        x = np.asarray(fn(np.random.default_rng(noise.seed), length, rate), np.float32)
        if x.shape != (length,) or not np.isfinite(x).all():
            raise ValueError(f"gives shape {x.shape}, expected {length} finite samples")
        return x


def _recorded(noise: Noise, length: int, rate: int, source: NoiseSource | None) -> Array:
    if source is None or noise.file is None:
        raise SourceError("recorded noise needs recordings; give their folder or CSV with --noise")
    return source.load(noise.file, rate, noise.start, length)


def _babble(noise: Noise, length: int, rate: int, source: SpeechSource | None) -> Array:
    if source is None or not noise.voices:
        raise SourceError("babble needs a speech source and voices; give a source with --speech and draw again")
    x = np.zeros(length, np.float32)
    for voice in noise.voices:
        talker = speak(source, voice, length, rate)
        level = active_power(talker, rate)
        x += talker / np.float32(np.sqrt(level)) if level else talker
    return x
