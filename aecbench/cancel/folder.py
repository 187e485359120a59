"""A system on all pairs of recordings in two folders."""

import difflib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import joblib

from aecbench.cancel.files import Cancelled, cancel_files
from aecbench.cancel.stream import check, timing
from aecbench.cancel.timing import Timing
from aecbench.config import canonical_json
from aecbench.corpus.layouts.aec_real import ENDS, SCENARIO, TALK
from aecbench.corpus.layouts.aec_synthetic import FOLDERS
from aecbench.dsp.audio import header
from aecbench.dsp.audio_files import audio_files, by_name
from aecbench.errors import AecbenchError, AudioError, UsageError, one_line
from aecbench.output import LONGEST_NAME, locked, new_folder, part_of, whole_file
from aecbench.parallel import in_parallel
from aecbench.systems import System

__all__ = ["MADE_BY", "Done", "cancel_folder"]

MADE_BY = "cancel.json"  # file in a folder of outputs that says which system produced them
MIC, FAR = ENDS  # endings of names
SYNTHETIC = tuple(FOLDERS.values())[:2]  # beginnings of names


class Pair(NamedTuple):
    """Two recordings, and the path of the output."""

    mic: Path
    far: Path | None  # None: the far end is silent
    out: Path


class Pairs(NamedTuple):
    """The recordings in the folders."""

    pairs: list[Pair]
    failed: dict[str, str]  # microphone -> why it could not be paired
    hidden: int  # files that were skipped


class Done(NamedTuple):
    """The outcome for the pairs of a folder."""

    written: int
    there: int  # outputs that existed already and were kept
    failed: dict[str, str]  # microphone -> why it has no output
    timing: Timing  # timing of the outputs that were written
    no_echo: list[str]  # microphones among these that do not correlate with the far end
    hidden: int  # files that were skipped


def cancel_folder(
    system: System, mic: Path, far: Path, out: Path, *, pad: bool = False, overwrite: bool = False, jobs: int = 1
) -> Done:
    """Run `cancel_files` on every recording of the folder `mic` and its partner in `far`, with outputs in `out`.

    Partners have the same name, or names as in the AEC Challenge: NAME_mic and NAME_lpb, nearend_mic_fileid_N and
    farend_speech_fileid_N, in upper or lower case; both folders may be the same one. As in the challenge, the far end
    of a NAME_nearend_singletalk_mic may be missing; it is then silent. Subfolders are searched too, and hidden files
    are skipped. An output has the name of its microphone, with the suffix .wav.

    A failed pair does not stop the others. Outputs that are as long as their microphones are kept, so that the same
    call resumes where an earlier one was stopped; `overwrite` removes all outputs first. The pairs are processed in
    `jobs` processes. Raises UsageError for a system that cannot run on recordings, for folders that cannot be used, and
    if `out` contains outputs of another system, OutputError if `out` cannot be written.
    """
    check(system)
    pairs, failed, hidden = _find(mic, far, out)
    new_folder(out)
    with locked(out):
        _claim(out, system, pairs, overwrite)
        todo = [pair for pair in pairs if not _complete(pair)]
        total, written, no_echo = timing(system), 0, []
        calls = (joblib.delayed(_one)(system, pair, pad) for pair in todo)
        try:
            results = in_parallel(calls, len(todo), f"cancel {system.name}", "files", jobs=jobs)
            for pair, (done, reason) in zip(todo, results, strict=True):
                if done is None:
                    failed[str(pair.mic)] = reason
                    continue
                written += 1
                total.include(done.timing)
                if done.echo.heard == "not found":
                    no_echo.append(str(pair.mic))
        finally:
            for pair in todo:  # remains of processes that were stopped
                with suppress(OSError):
                    part_of(pair.out).unlink()
    return Done(written, len(pairs) - len(todo), failed, total, no_echo, hidden)


def _one(system: System, pair: Pair, pad: bool) -> tuple[Cancelled | None, str]:
    try:
        new_folder(pair.out.parent)
        return cancel_files(system, *pair, pad=pad, quiet=True), ""
    except AecbenchError as error:
        return None, str(error)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # no error must stop the other pairs
        return None, f"{pair.mic}: {one_line(error)}"


def _find(mic: Path, far: Path, out: Path) -> Pairs:
    """Return the pairs, and why other microphones could not be paired."""
    for folder in (mic, far):
        if not folder.is_dir():
            raise UsageError(f"{folder}: is not a folder; give three folders --mic, --far and --out, or three files")
        if out.resolve().is_relative_to(folder.resolve()):
            raise UsageError(f"{out}: lies within {folder}; choose a folder for outputs alone")
    mics, fars = audio_files(mic), audio_files(far)
    if not mics.paths:
        raise UsageError(f"{mic}: contains no audio files; expected recordings of the microphone")
    references = by_name(fars.paths, far)
    any_case: dict[str, list[str]] = {}
    for name in references:
        any_case.setdefault(name.lower(), []).append(name)
    recordings = {path.resolve() for path in (*mics.paths, *fars.paths)}
    pairs: list[Pair] = []
    failed: dict[str, str] = {}
    for name, (path, *others) in by_name(mics.paths, mic).items():
        if name.lower().endswith(FAR):
            continue
        output = out / f"{name}.wav"
        stems = [stem for partner in _partners(name) for stem in (partner, *any_case.get(partner.lower(), ()))]
        partners = [file for stem in stems for file in references.get(stem, ()) if not file.samefile(path)]
        if others:
            failed[str(path)] = f"{path}: shares its name with {others[0].name}; keep one of the two in the folder"
        elif len(os.fsencode(output.name)) > LONGEST_NAME:
            failed[str(path)] = f"{path}: its output would have a name of more than {LONGEST_NAME} bytes; rename it"
        elif output.resolve() in recordings:
            failed[str(path)] = f"{path}: its output {output} would replace a recording; choose another --out"
        elif partners:
            pairs.append(Pair(path, partners[0], output))
        elif _near_end_alone(path.stem):
            pairs.append(Pair(path, None, output))
        else:
            strangers = [stem for stem, (file, *_) in references.items() if not file.samefile(path)]
            near = difflib.get_close_matches(_partners(name)[0], strangers, n=1)
            advice = f"; the nearest name is {references[near[0]][0]}" if near else ""
            failed[str(path)] = f"{path}: has no partner {' or '.join(_partners(name))} in {far}{advice}"
    return Pairs(pairs, failed, len({path.resolve() for path in (*mics.hidden, *fars.hidden)}))


def _partners(name: str) -> list[str]:
    """Return the possible names of the far end for a microphone, the most likely first.

    >>> _partners("a/x_doubletalk_mic"), _partners("nearend_mic_fileid_7"), _partners("x")
    (['a/x_doubletalk_lpb', 'a/x_doubletalk_mic'], ['farend_speech_fileid_7', 'nearend_mic_fileid_7'], ['x'])
    """
    folder, slash, last = name.rpartition("/")
    names = [last]
    if last.lower().endswith(MIC):
        names.insert(0, last[: -len(MIC)] + FAR)
    if last.lower().startswith(SYNTHETIC[0]):
        names.insert(0, SYNTHETIC[1] + last[len(SYNTHETIC[0]) :])
    return [folder + slash + partner for partner in names]


def _near_end_alone(stem: str) -> bool:
    """Return whether a recording is one of the AEC Challenge in which nothing was played.

    >>> _near_end_alone("x_nearend_singletalk_mic"), _near_end_alone("x_doubletalk_mic")
    (True, False)
    """
    match = SCENARIO.fullmatch(stem.lower().removesuffix(MIC))
    return match is not None and TALK[match["scenario"].replace("-", "_")] == "near_single"


def _claim(out: Path, system: System, pairs: list[Pair], overwrite: bool) -> None:
    """Record the system whose outputs are in the folder. Raises UsageError for those of another, unless `overwrite`."""
    record = out / MADE_BY
    made_by: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        made_by = json.loads(record.read_text())
    outputs = [pair.out for pair in pairs if pair.out.exists()]
    if overwrite:
        for path in outputs:
            path.unlink()
    elif outputs and made_by.get("hash") != system.hash:
        origin = (
            f"of {made_by['system']}, made in another way" if "system" in made_by else "that are not of this command"
        )
        raise UsageError(f"{out}: contains outputs {origin}; choose another --out, or replace them with --overwrite")
    with whole_file(record) as part:
        part.write_text(canonical_json({"system": system.name, "align": system.align, "hash": system.hash}) + "\n")


def _complete(pair: Pair) -> bool:
    """Return whether the output exists and is as long as its microphone."""
    try:
        return header(pair.out)[:2] == header(pair.mic)[:2]  # rate and length
    except AudioError:
        return False
