"""The real recordings of the AEC Challenge: what a microphone heard and what was played, the scenario in the name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aecbench.config import canonical_json
from aecbench.corpus.format import Record, measure
from aecbench.corpus.layouts.aec_synthetic import RATE
from aecbench.corpus.layouts.base import (
    UNIT,
    Found,
    Problem,
    Take,
    headers,
    key,
    listed,
    read_int16,
    unknown_rir,
    unlisted,
)
from aecbench.scenes.recording import Kind, Recording

__all__ = ["ENDS", "SCENARIO", "TALK", "Real", "find_real"]

SCENARIO = re.compile(
    r"(?P<name>.+)[_-](?P<scenario>farend[_-]singletalk|nearend[_-]singletalk|doubletalk|sweep)"
    r"(?P<movement>[_-]with[_-]movement)?",
    re.IGNORECASE,
)
TALK: dict[str, Kind] = {
    "farend_singletalk": "far_single",
    "nearend_singletalk": "near_single",
    "doubletalk": "double",
    "sweep": "sweep",
}
ENDS = ("_mic", "_lpb")
MARGIN = RATE  # samples by which mic and lpb may differ in length: the shorter one ends first, as in the challenge


@dataclass(frozen=True)
class Real:
    """A real recording. Its far end is silence where `files` has no lpb."""

    scene: Recording
    split: str
    length: int
    files: tuple[Path, ...]  # mic, and lpb
    stems: bool = False
    rir_shape: tuple[int, int] = (1, 1)

    def record(self) -> Record:
        """The two files, cut to the shorter one."""
        audio = np.zeros((2, self.length), np.int16)
        for row, path in zip(audio, self.files, strict=False):
            row[:] = read_int16(path)[: self.length]
        text = canonical_json(self.scene.model_dump(mode="json"))
        return Record(text, audio, UNIT, unknown_rir(), measure(audio, UNIT, self.scene.rate))


def find_real(folder: Path, corpus: str, split: str) -> Found:
    """The recordings in a folder and those below it."""
    takes: list[Take] = []
    named, problems = listed(folder)
    for base, ends in sorted(_pairs(named).items()):
        mic, lpb = (ends.get(end, folder / f"{base}{end}.wav") for end in ENDS)
        known = SCENARIO.fullmatch(mic.stem[: -len(ENDS[0])])
        if known is None:
            problems.append(Problem(key(ends.get(ENDS[0], lpb), folder), "has no scenario in its name"))
            continue
        scenario = known["scenario"].lower().replace("-", "_")
        alone = scenario == "nearend_singletalk" and ENDS[1] not in ends
        present = (mic,) if alone else (mic, lpb)
        if unlisted((mic, lpb), ends.values()):
            continue
        lengths, wrong = headers(present, RATE, folder)
        cut = 0 if wrong else max(lengths) - min(lengths)
        if cut:
            fate = "both are cut to the shorter one" if cut <= MARGIN else "no pair"
            what = f"has {lengths[0]} samples, its lpb {lengths[1]}: {fate}"
            wrong = [Problem(key(mic, folder), what, kept=cut <= MARGIN)]
        problems += wrong
        if all(problem.kept for problem in wrong):
            scene = Recording(
                id=f"{corpus}/{split}/{base}",
                split=split,
                index=len(takes),
                talk=TALK[scenario],
                rate=RATE,
                duration=min(lengths) / RATE,
                stems=False,
                facts={"scenario": scenario, "movement": bool(known["movement"]), "lpb": not alone, "cut": cut},
            )
            takes.append(Real(scene, split, min(lengths), present))
    return Found(takes, problems)


def _pairs(named: Mapping[str, Path]) -> dict[str, dict[str, Path]]:
    """Files by what comes before one of ENDS in their names, then by that end.

    >>> _pairs({"a/x_mic": Path("a/x_mic.wav"), "a/x_LPB": Path("a/x_LPB.WAV"), "y": Path("y.wav")}).keys()
    dict_keys(['a/x'])
    """
    pairs: dict[str, dict[str, Path]] = {}
    for name, path in named.items():
        for end in ENDS:
            if name.lower().endswith(end):
                pairs.setdefault(name[: -len(end)], {})[end] = path
    return pairs
