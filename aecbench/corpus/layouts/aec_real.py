"""The real recordings of the AEC Challenge: what a microphone heard and what was played, the scenario in the name.

NAME_SCENARIO_ROLE.wav, NAME_SCENARIO_with_movement_ROLE.wav: words are joined by "_", and in the sets of 2022 and 2023
by "-" within a scenario. NAME stands for a device and its user. ROLE is mic (in the clean development set of 2021
mic_c), lpb, which is the far end, or enrl, a clip of the near-end talker that no canceller gets.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aecbench.config import canonical_json
from aecbench.corpus.format import Record, measure
from aecbench.corpus.layouts.base import (
    UNIT,
    Found,
    Problem,
    Take,
    Wanted,
    headers,
    key,
    listed,
    read_int16,
    unknown_rir,
    unlisted,
)
from aecbench.dsp import audio
from aecbench.dsp.resample import resample
from aecbench.errors import AudioError, UsageError
from aecbench.scenes.recording import Fact, Kind, Recording

__all__ = ["ENDS", "SCENARIO", "SETS", "TALK", "Real", "find_real", "pairs", "set_of"]

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
CLEAN, ENROLMENT = "_mic_c", "_enrl"
SETS = {  # folder -> set
    "blind_test_set": "blind_test_set_icassp2021",
    "test_set": "test_set_icassp2021",
    **{
        name: name
        for name in (
            "blind_test_set_interspeech2021",
            "blind_test_set_icassp2022",
            "blind_test_set_icassp2023",
            "test_set_interspeech2021",
            "test_set_icassp2022",
            "real",
            "real_doubled",
        )
    },
}
DATASETS = "datasets"  # folder of the repository with the sets
BLIND = "blind_"  # sets for tests only
NAMELESS = (
    "names no scenario; call it NAME_doubletalk_mic.wav, NAME_farend_singletalk_mic.wav or "
    "NAME_nearend_singletalk_mic.wav, and the far end ..._lpb.wav"
)
MARGIN = 1.0  # [s] by which mic and lpb may differ in length: the shorter one ends first, as in the challenge


@dataclass(frozen=True)
class Real:
    """A real recording. Its far end is silence where `files` has no lpb."""

    scene: Recording
    split: str
    stored: int  # samples, at the rate of the files
    stored_rate: int  # [Hz]
    files: tuple[Path, ...]  # mic, and lpb
    stems: bool = False
    rir_shape: tuple[int, int] = (1, 1)

    @property
    def length(self) -> int:
        """Samples, at the rate of the scene."""
        return round(self.scene.duration * self.scene.rate)

    def record(self) -> Record:
        """The two files, cut to the shorter one, at the rate of the scene."""
        audio = np.zeros((2, self.length), np.int16)
        for row, path in zip(audio, self.files, strict=False):
            row[:] = _at_rate(read_int16(path)[: self.stored], self.stored_rate, self.scene.rate)
        text = canonical_json(self.scene.model_dump(mode="json"))
        return Record(text, audio, UNIT, unknown_rir(), measure(audio, UNIT, self.scene.rate))


def find_real(folder: Path, wanted: Wanted) -> Found:
    """The recordings in a folder and those below it.

    Raises UsageError for recordings of a blind test set in another split than "test".
    """
    takes: list[Take] = []
    named, problems = listed(folder)
    if wanted.files is not None:
        named = {name: path for name, path in named.items() if path in wanted.files}
        problems = [problem for problem in problems if folder / problem.file in wanted.files]
    enrolled = {name.lower().removesuffix(ENROLMENT) for name in named if name.lower().endswith(ENROLMENT)}
    for base, ends in sorted(pairs(named).items()):
        mic, lpb = (ends.get(end, folder / f"{base}{end}.wav") for end in ENDS)
        match = SCENARIO.fullmatch(Path(base).name)
        if match is None:
            problems.append(Problem(key(ends.get(ENDS[0], lpb), folder), NAMELESS))
            continue
        scenario = match["scenario"].lower().replace("-", "_")
        alone = scenario == "nearend_singletalk" and ENDS[1] not in ends
        present = (mic,) if alone else (mic, lpb)
        if unlisted((mic, lpb), ends.values()):
            continue
        lengths, stored_rate, faults = _lengths(present, folder, wanted.rate)
        cut = 0 if faults else max(lengths) - min(lengths)
        if cut:
            kept = cut <= MARGIN * stored_rate
            fate = "both are cut to the shorter one" if kept else "no pair"
            message = f"has {lengths[0]} samples, its lpb {lengths[1]}: {fate}"
            faults = [Problem(key(mic, folder), message, kept=kept)]
        problems += faults
        if all(problem.kept for problem in faults):
            facts: dict[str, Fact] = {
                "scenario": scenario,
                "movement": bool(match["movement"]),
                "lpb": not alone,
                "cut": cut,
                "device": match["name"],
                "enrolment": base.lower() in enrolled,
                "stored_rate": stored_rate,
                **_origin(mic),
            }
            if str(facts.get("set", "")).startswith(BLIND) and wanted.split != "test":
                raise UsageError(f"{folder}: holds recordings of a blind test set, which are for --split test alone")
            scene = Recording(
                id=f"{wanted.corpus}/{wanted.split}/{base}",
                split=wanted.split,
                index=len(takes),
                talk=TALK[scenario],
                rate=wanted.rate,
                duration=-(-min(lengths) * wanted.rate // stored_rate) / wanted.rate,
                stems=False,
                facts=facts,
            )
            takes.append(Real(scene, wanted.split, min(lengths), stored_rate, present))
    return Found(takes, problems)


def pairs(named: Mapping[str, Path]) -> dict[str, dict[str, Path]]:
    """Return files by what comes before one of ENDS in their names, then by that end; `_mic_c` is a mic too.

    >>> pairs({"a/x_mic": Path("a/x_mic.wav"), "a/x_LPB": Path("a/x_LPB.WAV"), "y": Path("y.wav")}).keys()
    dict_keys(['a/x'])
    """
    recordings: dict[str, dict[str, Path]] = {}
    for name, path in named.items():
        stem = name[:-2] if name.lower().endswith(CLEAN) else name
        for end in ENDS:
            if stem.lower().endswith(end):
                recordings.setdefault(stem[: -len(end)], {})[end] = path
    return recordings


def set_of(path: Path) -> str:
    """Return the set that a file belongs to, by its place in the repository: datasets/FOLDER/...; "" for any other.

    >>> set_of(Path("/a/datasets/blind_test_set/noisy/x_mic.wav")), set_of(Path("/real/x_mic.wav"))
    ('blind_test_set_icassp2021', '')
    """
    parts = path.absolute().parts[:-1]
    return next((SETS[folder] for above, folder in pairwise(parts) if above == DATASETS and folder in SETS), "")


def _origin(mic: Path) -> dict[str, Fact]:
    """The set a recording belongs to and, in the sets of ICASSP 2021, whether it is clean or noisy."""
    name = set_of(mic)
    background = {"background": mic.parent.name} if mic.parent.name in ("clean", "noisy") else {}
    return {"set": name, **background} if name else {}


def _lengths(files: Sequence[Path], folder: Path, rate: int) -> tuple[list[int], int, list[Problem]]:
    """The lengths of the files of a recording, the rate they share, and what is wrong with them."""
    try:
        stored_rate = audio.header(files[0]).rate
    except AudioError:
        stored_rate = rate
    lengths, problems = headers(files, stored_rate, folder)
    if not problems and stored_rate < rate:
        message = f"is at {stored_rate} Hz, less than the {rate} Hz of the corpus; import it with --rate {stored_rate}"
        problems = [Problem(key(files[0], folder), message)]
    return lengths, stored_rate, problems


def _at_rate(x: NDArray[np.int16], stored_rate: int, rate: int) -> NDArray[np.int16]:
    if stored_rate == rate:
        return x
    limits = np.iinfo(np.int16)
    return np.clip(np.rint(resample(x.astype(np.float32), stored_rate, rate)), limits.min, limits.max).astype(np.int16)
