"""Training data: crops of a corpus, with their stems mixed again each time.

It is a data set for torch's DataLoader: it has a length and items, and pickles.
"""

import multiprocessing.context
from multiprocessing.sharedctypes import RawValue
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aecbench.config import sha256
from aecbench.corpus.read import Corpus
from aecbench.dsp.levels import FLOOR, active_power
from aecbench.errors import CorpusError, UsageError
from aecbench.scenes.distribution import Distribution
from aecbench.signals import Array, Signals

__all__ = ["Remix"]

WIDEST = 60.0  # dB: levels lie within ±60
LOUDEST = 0.99  # the peak of a mic that would have exceeded 1


class Remix:
    """A corpus as training examples: as many as it has scenes, other ones in every epoch.

    Example i takes far end and echo from scene i, near end and noise from two others of the same split and rate (with
    `pair` False: from the same scene, at the same time), all cropped to `seconds` at random places. Where `ser` [dB] is
    given, the near end is scaled to have it against the echo; where `snr` [dB] is, the noise is scaled against the near
    end, or the echo where there is no near end. `gain` [dB] scales the microphone: echo, near end and noise. Where
    mic would exceed ±1, it is scaled down to a peak of 0.99, and its stems with it.

    Levels are those over the active frames of the crop. A stem that is silent there, 40 dB or more below its level in
    the whole scene, has none: it is neither scaled nor a measure for others.

    An example depends on `seed`, epoch and scene alone, not on who computes it and what was computed before.
    """

    def __init__(
        self,
        corpus: Corpus,
        seconds: float = 4.0,
        *,
        seed: int = 0,
        ser: Distribution | None = None,
        snr: Distribution | None = None,
        gain: Distribution | None = None,
        pair: bool = True,
    ) -> None:
        """Each level is a distribution over numbers from -60 to 60 dB; None leaves it as it is.

        Raises UsageError for other levels and for `seconds` longer than a scene, CorpusError for an empty corpus and
        for real recordings, which have no stems.
        """
        if not len(corpus):
            raise CorpusError(f"{corpus.path}: no scenes to learn from; choose others")
        if "stems" in corpus.scenes and not corpus.scenes["stems"].dropna().all():
            raise CorpusError(f"{corpus.path}: real recordings have no stems to remix; choose where(stems=True)")
        shortest = float(corpus.scenes["duration"].min())
        if not 0 < seconds <= shortest:
            raise UsageError(f"crops of {seconds:g} s: expected more than 0, at most the {shortest:g} s of a scene")
        for name, level in (("ser", ser), ("snr", snr), ("gain", gain)):
            _check(name, level)
        self.corpus, self.seconds, self.seed, self.pair = corpus, seconds, seed, pair
        self.ser, self.snr, self.gain = ser, snr, gain
        self._group, self._members = _groups(corpus.scenes)
        self._names, self._rates = corpus.scenes["scene"].to_numpy(object), corpus.scenes["rate"].to_numpy(int)
        self._epoch = RawValue("q", 0)  # in memory that worker processes share, also those that live on

    def __getstate__(self) -> dict[str, Any]:
        if multiprocessing.context.get_spawning_popen() is not None:  # on its way to a worker of ours
            return self.__dict__
        return {**self.__dict__, "_epoch": self.epoch}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= state
        if isinstance(self._epoch, int):
            self._epoch = RawValue("q", self._epoch)

    @property
    def epoch(self) -> int:
        """Which epoch the examples belong to."""
        return int(self._epoch.value)

    def set_epoch(self, epoch: int) -> None:
        """Go on to other examples, here and in the worker processes; call it between two loops over the loader."""
        self._epoch.value = epoch

    def __len__(self) -> int:
        return len(self.corpus)

    def __getitem__(self, index: int) -> Signals:
        """One example, float32 [T] each. mic == near + echo + noise, exactly when added in this order."""
        index = range(len(self))[index]  # raises IndexError past the end
        name, rate = self._names[index], int(self._rates[index])
        rng = np.random.default_rng(int(sha256(f"{self.seed}\n{self.epoch}\n{name}"), 16))
        ser, snr, gain = (_draw(level, rng) for level in (self.ser, self.snr, self.gain))
        second, third = self._partners(index, rng)
        places = rng.random(3) if self.pair else rng.random(1).repeat(3)
        wholes = [
            self.corpus.stems(i, n) for i, n in ((index, ("far", "echo")), (second, ("near",)), (third, ("noise",)))
        ]
        crops = [_crop(x, position, round(self.seconds * rate)) for x, position in zip(wholes, places, strict=True)]
        levels = (_level(crop[-1], whole[-1], rate) for crop, whole in zip(crops, wholes, strict=True))
        echo_level, near_level, noise_level = levels
        near_gain = _gain(ser, near_level, echo_level)
        speech_level = float(near_gain**2 * near_level) or echo_level
        noise_gain = _gain(None if snr is None else -snr, noise_level, speech_level)
        (far, echo), (near,), (noise,) = crops
        return _mix(far, near * near_gain, echo, noise * noise_gain, 10 ** ((gain or 0) / 20))

    def _partners(self, index: int, rng: np.random.Generator) -> tuple[int, int]:
        """The scenes to take near end and noise from: others than this, as far as there are any."""
        members = self._members[self._group[index]]
        drawn = members[rng.choice(len(members), min(3, len(members)), replace=False)]
        others = [int(other) for other in drawn if self.pair and other != index]
        second, third = (*others, index, index)[:2]
        return second, third


def _check(name: str, level: Distribution | None) -> None:
    for value in () if level is None else level.extremes:
        if isinstance(value, str) or not -WIDEST <= value <= WIDEST:
            raise UsageError(f"{name}: got {value!r}, allowed are numbers from {-WIDEST:g} to {WIDEST:g} dB")


def _draw(level: Distribution | None, rng: np.random.Generator) -> float | None:
    return None if level is None else level.number(rng)


def _groups(scenes: pd.DataFrame) -> tuple[NDArray[Any], list[NDArray[Any]]]:
    """The number of the group each scene belongs to, and the scenes of each group: those of one split and rate."""
    group = scenes.groupby(["split", "rate"], sort=False).ngroup().to_numpy()
    return group, [np.flatnonzero(group == number) for number in range(group.max() + 1)]


def _crop(x: Array, position: float, length: int) -> Array:
    """`length` samples of [names, T], from a place between the earliest (0) and the latest (1)."""
    start = int(position * (x.shape[-1] - length + 1))
    return x[:, start : start + length]


def _level(crop: Array, whole: Array, rate: int) -> float:
    """Power over the active frames of a crop; 0 where it is silent beside the scene it comes from.

    >>> whole = np.repeat([1.0, 0.02, 0.002], 8000)
    >>> [round(_level(whole[start:][:8000], whole, 16_000), 6) for start in (0, 8000, 16_000)]
    [1.0, 0.0004, 0.0]
    """
    level = active_power(crop, rate)
    return level if level > FLOOR * active_power(whole, rate) else 0.0


def _gain(ratio: float | None, level: float, reference: float) -> np.float32:
    """Return the factor by which a power is `ratio` dB above another; 1 without a ratio or where a power is 0.

    >>> float(_gain(20, 1.0, 4.0)), float(_gain(20, 0.0, 4.0)), float(_gain(20, 1.0, 0.0))
    (20.0, 1.0, 1.0)
    """
    if ratio is None or not (level and reference):
        return np.float32(1)
    return np.float32(np.sqrt(reference / level * 10 ** (ratio / 10)))


def _mix(far: Array, near: Array, echo: Array, noise: Array, gain: float) -> Signals:
    """The signals of a scene, its microphone turned up by a factor, or as far as it goes."""
    peak = float(np.abs(near + echo + noise).max())
    factor = np.float32(gain if gain * peak <= 1 else LOUDEST / peak)
    near, echo, noise = near * factor, echo * factor, noise * factor
    return Signals(near + echo + noise, far.copy(), near, echo, noise)
