"""Training data: crops of a corpus, their stems put together anew each time.

A thing of this kind is what torch's DataLoader takes: it has a length and items, and pickles.
"""

import multiprocessing.context
from multiprocessing.sharedctypes import RawValue
from typing import Any

import numpy as np
import pandas as pd

from aecbench.config import sha256
from aecbench.corpus.read import Corpus
from aecbench.dsp.levels import FLOOR, active_power
from aecbench.errors import CorpusError, UsageError
from aecbench.scenes.distribution import Distribution
from aecbench.signals import Array, Signals

__all__ = ["Remix"]

WIDEST = 60.0  # dB: levels lie within ±60


class Remix:
    """A corpus as training examples: as many as it has scenes, other ones in every epoch.

    Example i takes far end and echo from scene i, near end and noise from two others of the same split and rate (with
    `pair` False: from the same scene, at the same time), all cropped to `seconds` at random places. Where `ser` [dB] is
    given, the near end is scaled to have it against the echo; where `snr` [dB] is, the noise is scaled against the near
    end, or the echo where there is no near end. `gain` [dB] is that of the microphone: echo, near end and noise. Levels
    are those over the active frames of the crop. A stem that is silent in the crop, which is 40 dB below its level in
    the scene, is left as it is, and as loud. Where mic would exceed ±1, mic and its stems are scaled down to fit.

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
        """One example, float32 [T] each; mic == near + echo + noise, exactly in this order."""
        index = range(len(self))[index]
        name, rate = self.corpus.scenes["scene"].iat[index], int(self.corpus.scenes["rate"].iat[index])
        rng = np.random.default_rng(int(sha256(f"{self.seed}\n{self.epoch}\n{name}"), 16))
        second, third = self._partners(index, rng)
        length = round(self.seconds * rate)
        ...
