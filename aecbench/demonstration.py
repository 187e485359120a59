"""A demonstration: one new scene, cancelled by one system, with audio, decisions and scores."""

from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from aecbench.cancellers import abilities
from aecbench.cancellers.output import cancelled
from aecbench.dsp.audio import write
from aecbench.dsp.levels import talk
from aecbench.errors import blamed
from aecbench.metrics import Score, score
from aecbench.output import new_folder
from aecbench.recipe import read_recipe
from aecbench.scenes.draw import draw
from aecbench.scenes.render import render
from aecbench.scenes.scene import Scene
from aecbench.scenes.sources import open_sources
from aecbench.signals import STEMS, Array, Signals
from aecbench.systems import System

__all__ = ["Demo", "demo", "write_demo"]

RECIPE, SPLIT = "quickstart-v1", "test"  # rooms, loudspeakers and noises; talkers that were not used in training
SHOWN = ("erle", "sdr", "si_sdr", "pesq", "stoi")


class Demo(NamedTuple):
    """A scene and the output of a system for it. Signals are [T] at `scene.rate` Hz."""

    scene: Scene
    signals: Signals
    system: str
    output: Array  # time-aligned with the microphone
    before: dict[str, Score]  # metric -> score of the microphone
    after: dict[str, Score]  # metric -> score of the output
    decisions: dict[str, NDArray[Any]]  # decisions of the system, if any: see `aecbench.cancellers.base.Explains`


def demo(
    system: System,
    *,
    duration: float = 5.0,
    ser: float = -10.0,
    snr: float = 10.0,
    seed: int = 0,
    speech: str = "espeak",
) -> Demo:
    """Draw a scene of `duration` seconds in which the near end talks in the second half, cancel its echo, score it.

    `ser` and `snr` [dB] are the ratios of near-end speech to echo and to noise at the microphone. `speech` is "espeak",
    a pack, a folder of audio or a CSV manifest. Everything else is drawn as in the recipe quickstart-v1, with `seed`.

    Raises ConfigError for numbers out of range, UsageError for a system that requires another rate than 16 kHz,
    MissingExtra without espeak, SourceError for unusable speech, AecbenchError for a system that fails or whose output
    is not finite or not as long as the microphone.
    """
    options = {
        "name": "demo",
        "seed": seed,
        "duration": duration,
        "talk": {"far_single": 0, "double": 1, "near_single": 0, "near_onset": duration / 2},
        "speech.source": speech,
        "levels.ser": ser,
        "noise.snr": snr,
    }
    spec = read_recipe(RECIPE, (), options, split=SPLIT, scenes=1)
    sources = open_sources(spec)
    scene = draw(spec, SPLIT, 0, sources)
    system.check_rate(scene.rate, "the scene")
    signals = render(scene, sources)
    with blamed(system.name):
        canceller = abilities.informed(system.canceller, abilities.Facts(scene.id, scene.rate, signals.echo))
    output = cancelled(system.name, canceller, signals.mic, signals.far)
    labels = talk(signals, scene.rate)
    before, after = (
        {name: score(name, signals, estimate, scene.rate, labels) for name in SHOWN}
        for estimate in (signals.mic, output)
    )
    decisions = abilities.inspect(canceller, signals.mic, signals.far)
    return Demo(scene, signals, system.name, output, before, after, decisions)


def write_demo(shown: Demo, folder: Path) -> list[Path]:
    """Write mic.wav, far.wav, near.wav, echo.wav, noise.wav and output.wav to a folder and return their paths.

    Raises OutputError.
    """
    new_folder(folder)
    audio = dict(zip(STEMS, shown.signals, strict=True)) | {"output": shown.output}
    for name, x in audio.items():
        write(folder / f"{name}.wav", x, shown.scene.rate)
    return [folder / f"{name}.wav" for name in audio]
