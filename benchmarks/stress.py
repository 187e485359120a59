"""What is hard on adaptive filters: new echo paths; quiet, endless, offset, clipped, broken or jumping echoes."""

from typing import NamedTuple

import numpy as np

from aecbench.cancellers.base import Canceller
from aecbench.corpus import Corpus
from aecbench.dsp.convolve import convolve
from aecbench.signals import Array, Signals

RATE = 16_000
FADE = 0.02  # [s] of a switch
ACTIVE = 10**-4.5  # of the far end's mean power: a second of far-end activity


class Case(NamedTuple):
    """One recording; float32 [T]."""

    mic: Array
    far: Array
    alone: Array  # bool [T]: nobody talks at the near end


def cases(corpus: Corpus, minutes: float) -> dict[str, Case]:
    """The recordings, by name; speech and echo paths are those of the corpus."""
    talk = [signals.far for _, signals, _ in corpus.where(talk="far_single")]
    near_talk = [signals.near for _, signals, _ in corpus.where(talk="near_single")]
    path = next(rir[0] for scene, _, rir in corpus.where(talk="far_single", loudspeaker="linear") if rir[0].any())
    far = _level(np.concatenate(talk), 60 * RATE, 0.05)
    near = _level(np.concatenate(near_talk), 60 * RATE, 0.03)
    echo = convolve(far, path)[: far.size].astype(np.float32)
    echo *= 0.05 / np.std(echo)
    hiss = (1e-4 * np.random.default_rng(0).standard_normal(far.size)).astype(np.float32)
    time = np.arange(far.size) / RATE
    always, pauses = np.ones(far.size, bool), time % 6 > 3
    gain = np.select([time < 10, time < 20, time < 30, time < 40], [1.0, 0.1, 1.0, 10.0], 1.0)
    turns = int(np.ceil(minutes))
    quiet = 10 ** (-90 / 20) / np.std(far)
    made = {
        "-90 dBFS": Case(quiet * echo + hiss, quiet * far, always),
        "quiet, loud": Case(np.where(time < 30, quiet, 1) * echo + hiss, np.where(time < 30, quiet, 1) * far, always),
        f"{minutes:g} min": Case(*(np.tile(x, turns) for x in (echo + np.where(pauses, near, 0) + hiss, far, ~pauses))),
        "DC": Case(echo + hiss + 0.05, far + 0.1, always),
        "clipped": Case(np.clip(8 * echo, -0.3, 0.3) + hiss, np.clip(8 * far, -1, 1), always),
        "pauses": Case(np.where(pauses, near, echo) + hiss, np.where(pauses, 0, far), ~pauses),
        "20 dB jumps": Case(gain * echo + hiss, far, always),
        "far jumps": Case(gain * echo + hiss, (gain * far).clip(-1, 1), always),
    }
    return {
        name: Case(case.mic.astype(np.float32), case.far.astype(np.float32), case.alone) for name, case in made.items()
    }


def switched(corpus: Corpus, count: int, change: float, noise: float) -> list[Signals]:
    """Far-end single talk in which the echo path becomes that of another scene, `change` s in; `noise` dB of hiss."""
    far_ends = [signals.far for _, signals, _ in corpus.where(talk="far_single")[:count]]
    paths = [
        rir[0][round(scene.channel.delay * RATE) :]  # without the bulk delay, which does not change with the room
        for scene, _, rir in corpus.where(talk=["far_single", "double"], loudspeaker="linear")
    ]
    made = []
    for place, far in enumerate(far_ends):
        before, after = (
            convolve(far, paths[(place + shift) % len(paths)])[: far.size] for shift in (0, len(paths) // 2)
        )
        fade = np.clip((np.arange(far.size) / RATE - change) / FADE, 0, 1)
        echo = (1 - fade) * before / np.std(before) + fade * after / np.std(after)
        hiss = np.random.default_rng(place).standard_normal(far.size) * 10 ** (noise / 20)
        stems = [(0.05 * x).astype(np.float32) for x in (0 * echo, echo, hiss)]
        made.append(Signals(sum(stems), far, *stems))
    return made


def worst_second(canceller: Canceller, case: Case) -> float:
    """The lowest ERLE [dB] of a second, of those after the first, in which the far end talks and the near end does not.

    NaN where the output is not finite.
    """
    out = canceller.cancel(case.mic, case.far)
    if not np.isfinite(out).all():
        return float("nan")
    mic, far, out = (_seconds(np.square(x, dtype=np.float64)) for x in (case.mic, case.far, out))
    counts = (far > ACTIVE * far.mean()) & (_seconds(case.alone) == 1)
    counts[0] = False
    return float(np.min(10 * np.log10((mic / out)[counts])))


def _seconds(x: Array) -> Array:
    return x[: x.size // RATE * RATE].reshape(-1, RATE).mean(-1)


def _level(x: Array, length: int, level: float) -> Array:
    """Repeated or cut to `length`, with that root mean square."""
    x = np.resize(x, length)
    return (x * level / np.std(x)).astype(np.float32)
