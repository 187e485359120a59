"""Recordings of echo as a source: the recordings in a folder, their devices, and what they contain besides echo.

In far-end single talk, the microphone records echo, noise and sometimes a voice. A long least-squares filter from the
far end to the microphone yields the linear part y of the echo; e is the rest of the microphone signal. Two ratios are
computed, both with the power of the microphone while y is strong as the numerator:

linear          divided by the power of e in the same frames: how much of the microphone a fixed linear filter explains.
                Noise, nonlinear loudspeakers, movement and clock drift lower it.
echo_to_noise   divided by the power of e in the frames in which y is weakest, which are free of echo. Noise and voices
                lower it; errors of the linear model of a strong echo do not.
"""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from aecbench.config import sha256
from aecbench.corpus.layouts.aec_real import ENDS, SCENARIO, pairs, set_of
from aecbench.corpus.layouts.base import Problem, key, listed
from aecbench.dsp import audio
from aecbench.dsp.correlation import Lags, correlation, peak
from aecbench.dsp.least_squares import linear_part
from aecbench.dsp.levels import active, db, frame_power
from aecbench.errors import AudioError, SourceError
from aecbench.hashing import file_sha256
from aecbench.output import check_file, whole_file
from aecbench.parallel import in_parallel
from aecbench.scenes.recorded_echo import ListedEcho
from aecbench.signals import Array

__all__ = ["EchoList", "Ratios", "list_echoes", "ratios"]

RATE = 16_000  # sample rate at which recordings are analysed [Hz]
TAPS, EARLY = 4096, 480  # taps of the filter, and how many of them precede the peak of the cross-correlation
SHORTEST = 2 * TAPS  # samples of a recording: the filter would explain any shorter one
EFFORT = 0.2  # about the processor time of a recording [s]
LAGS = Lags(-RATE // 2, RATE)  # lags at which the echo is searched for: -0.5 s to 1 s
WEAK = 10.0  # percentage of the frames that count as weakest
TAIL = 30  # frames of 10 ms for which the tail of an echo may last
VALIDATION = 0.15  # share of the training sets' devices that is used for validation
SPLITS = {"blind": "test", "real": "train"}  # beginning of a set's name -> split; other sets of the challenge: left out


class Ratios(NamedTuple):
    """Ratios of powers at a microphone, in dB."""

    echo_to_noise: float
    linear: float


class EchoList(NamedTuple):
    """The recordings that were listed, and the problems of the others."""

    rows: list[ListedEcho]
    problems: list[Problem]


def ratios(far: Array, mic: Array) -> Ratios:
    """Return the two ratios [dB], rounded to 0.1, for far end and microphone [T] at 16 kHz. Raises AudioError.

    >>> far, noise = np.random.default_rng(0).normal(size=(2, 96_000)).astype(np.float32)
    >>> far[32_000:48_000] = 0
    >>> found = ratios(far, np.pad(far, (200, 0))[:-200] + noise / 10)
    >>> abs(found.echo_to_noise - 20) < 1.5 and abs(found.linear - 20) < 1.5
    True
    """
    if far.size < SHORTEST:
        raise AudioError(f"lasts {far.size / RATE:.2f} s, expected {SHORTEST / RATE:g} s or more")
    if not (far.any() and mic.any()):
        raise AudioError("far end or microphone is silent")
    lag, _ = peak(correlation(mic, far, LAGS), LAGS)
    echo = linear_part(far, mic, TAPS, lag - EARLY)
    strong = active(echo, RATE)
    total, rest, linear = (frame_power(x, RATE) for x in (mic, mic - echo, echo))
    recent = sliding_window_view(np.pad(linear, (TAIL, 0)), TAIL + 1).max(-1)
    weak = recent <= np.percentile(recent, WEAK)
    if not strong.any():
        raise AudioError("no echo of the far end is found in the microphone")
    return Ratios(*(round(float(db(total[strong].mean() / rest[part].mean())), 1) for part in (weak, strong)))


def list_echoes(folders: Sequence[Path], out: Path, *, files: Iterable[Path] | None = None, jobs: int = 1) -> EchoList:
    """Analyse the far-end single talk in folders and write the manifest `out`, in `jobs` processes (-1: one per core).

    `files` restricts the analysis to these files in the folders. NAME_farend_singletalk_mic.wav and ..._lpb.wav, as
    they are called in the AEC Challenge, are a recording of the device NAME. For sets of the challenge, the split is
    known: blind test sets are for test; 15 % of the devices of the training sets, chosen by the hash of their names,
    are for val and the others for train; the development test sets, which share devices with a blind one, are left out.
    Other recordings have no split, and `recorded_echo` divides their devices. A recording in two of the folders is
    listed once, and of different ones with the same name, the first. Raises SourceError if there is nothing to list,
    OutputError if `out` cannot be written.
    """
    check_file(out)
    recordings: dict[str, Take] = {}
    problems: list[Problem] = []
    seen: set[Path] = set()
    for folder in folders:
        takes, faults = _takes(folder, None if files is None else frozenset(files))
        problems += [fault for fault in faults if fault not in problems]
        for take in takes:
            name, mic = take[0], take[3]
            if mic.resolve() in seen:
                continue
            seen.add(mic.resolve())
            if other := recordings.get(name):
                problems.append(Problem(str(mic), f"has the same name as {other[3]}; rename one of them"))
            else:
                recordings[name] = take
    calls = (joblib.delayed(_analysed)(*take) for take in recordings.values())
    rows: list[ListedEcho] = []
    count, expected = len(recordings), EFFORT * len(recordings)
    for result in in_parallel(calls, count, "analyse", "recordings", jobs=jobs, expected=expected):
        (rows if isinstance(result, ListedEcho) else problems).append(result)
    if not rows:
        first = f"; the first problem: {problems[0].file}: {problems[0].problem}" if problems else ""
        raise SourceError(f"{', '.join(map(str, folders))}: no far-end single talk that can be used{first}")
    rows.sort(key=lambda row: row.name)
    with whole_file(out) as part, part.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(ListedEcho.model_fields), lineterminator="\n")
        table.writeheader()
        table.writerows(row.model_dump() for row in rows)
    return EchoList(rows, problems)


Take = tuple[str, str, str, Path, Path]  # name, device, split, mic, far


def _takes(folder: Path, files: frozenset[Path] | None) -> tuple[list[Take], list[Problem]]:
    """Return the pairs of far-end single talk in a folder and its subfolders."""
    if not folder.is_dir():
        raise SourceError(f"{folder}: is not a folder; give one with recordings")
    named, problems = listed(folder)
    if files is not None:
        named = {name: path for name, path in named.items() if path in files}
        problems = [problem for problem in problems if folder / problem.file in files]
    takes: list[Take] = []
    for base, ends in sorted(pairs(named).items()):
        match = SCENARIO.fullmatch(Path(base).name)
        if match is None or not match["scenario"].lower().startswith("farend"):
            continue
        if len(ends) < len(ENDS):
            (half,) = ends.values()
            problems.append(Problem(key(half, folder), "its other half, mic or lpb, is missing"))
            continue
        mic, far = (ends[end].absolute() for end in ENDS)
        name, device = set_of(mic), match["name"]
        split = "" if not name else next((side for start, side in SPLITS.items() if name.startswith(start)), None)
        if split is None:
            continue
        if split == "train" and int(sha256(device)[:8], 16) < VALIDATION * 2**32:
            split = "val"
        takes.append((f"{name}/{Path(base).name}" if name else base, device, split, mic, far))
    return takes, problems


def _analysed(name: str, device: str, split: str, mic: Path, far: Path) -> ListedEcho | Problem:
    try:
        signals = []
        for path in (far, mic):
            x, rate = audio.read(path)
            signals.append((audio.resample(x, rate, RATE), x.size / rate))
        length = min(x.size for x, _ in signals)
        measured = ratios(*(x[:length] for x, _ in signals))
        facts: dict[str, Any] = {"name": name, "device": device, "split": split, "mic": str(mic), "far": str(far)}
        hashes = {"mic_sha256": file_sha256(mic), "far_sha256": file_sha256(far)}
        seconds = int(1000 * min(seconds for _, seconds in signals)) / 1000
        return ListedEcho(**facts, **hashes, seconds=seconds, **measured._asdict())
    except AudioError as error:
        return Problem(name, str(error))
