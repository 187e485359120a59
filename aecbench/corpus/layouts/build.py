"""From a folder in a layout to a corpus. Unusable files are reported one by one; the rest is imported."""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from pathlib import Path
from typing import NamedTuple

import joblib

from aecbench.config import canonical_json, sha256
from aecbench.corpus.finish import finish
from aecbench.corpus.format import CORPUS, FORMAT, RECORDED, SHARDS, shard_name
from aecbench.corpus.layouts.base import RATE, Found, Layout, Problem, Take, Wanted, key, relative
from aecbench.corpus.read import Corpus
from aecbench.corpus.write import Packed, pack, write_shard
from aecbench.errors import AudioError, OutputError, SourceError
from aecbench.hashing import file_sha256, in_threads
from aecbench.output import locked, new_folder, whole_file
from aecbench.parallel import in_parallel
from aecbench.scenes.files import SPLITS
from aecbench.signals import STEMS

__all__ = ["REPORT", "Imported", "build", "identity"]

REPORT = "import-report.csv"
SHARD = 64  # scenes
EFFORT = 0.05  # about the processor time of a scene [s]


class Imported(NamedTuple):
    """A corpus that was imported, and what was wrong with files of its source."""

    corpus: Corpus
    problems: list[Problem]


class Group(NamedTuple):
    """The takes of one shard."""

    split: str
    stems: bool
    takes: Sequence[Take]

    @property
    def length(self) -> int:
        """Samples of the longest."""
        return max(take.length for take in self.takes)


def build(
    layout: Layout,
    folder: Path,
    out: Path,
    *,
    split: str = "test",
    rate: int = RATE,
    files: Iterable[Path] | None = None,
    jobs: int = 1,
) -> Imported:
    """Import a folder into the corpus `out`, with `jobs` processes (-1: all cores).

    `split` is for scenes whose split the folder does not state; real recordings with more than `rate` Hz are resampled;
    `files` are those in the folder that count, by default all. Every problem is a row of import-report.csv in `out`.
    Raises SourceError where there is nothing to import, OutputError where `out` is not empty, cannot be written, or is
    being written by another process.
    """
    if out.is_dir() and any(out.iterdir()):
        obstacle = "a corpus" if (out / CORPUS).exists() else "files, perhaps of an import that was interrupted"
        raise OutputError(f"{out}: holds {obstacle} already; choose another place with --out, or remove it")
    if not folder.is_dir():
        raise SourceError(f"{folder}: is not a folder; give the folder of the data set")
    name = out.absolute().name
    contents = layout.find(folder, Wanted(name, split, rate, None if files is None else frozenset(files)))
    takes, problems = _alike(contents, folder)
    if not takes:
        first = f"; the first of {len(problems)} problems: {_line(problems[0])}" if problems else ""
        raise SourceError(f"{folder}: holds nothing that can be imported{first}")
    new_folder(out / SHARDS)
    with locked(out):
        if any((out / SHARDS).iterdir()):
            raise OutputError(f"{out}: another process has imported there meanwhile; choose another place with --out")
        corpus_id = identity(name, [take.split for take in takes], _hashes(contents, takes, folder), rate)
        shards = list(_shards(takes, folder, out, corpus_id, problems, jobs))
        if not shards:
            raise SourceError(f"{folder}: holds nothing that can be imported; the first problem: {_line(problems[0])}")
        problems.sort()
        _report(out, problems)
        spec = {"name": name, "imported": folder.absolute().name}
        return Imported(finish(out, corpus_id, shards, takes[0].rir_shape[1], spec), problems)


def _alike(contents: Found, folder: Path) -> tuple[list[Take], list[Problem]]:
    """The takes in the order of their splits, those with stems first, and whose echo paths are of one shape."""
    takes = sorted(contents.takes, key=lambda take: (SPLITS.index(take.split), not take.stems))
    shape = takes[0].rir_shape if takes else None
    odd = [
        Problem(key(take.files[0], folder), f"has echo paths of shape {take.rir_shape}, other scenes {shape}")
        for take in takes
        if take.rir_shape != shape
    ]
    return [take for take in takes if take.rir_shape == shape], [*contents.problems, *odd]


def _groups(takes: Sequence[Take]) -> Iterator[Group]:
    for (split, stems), same in groupby(takes, key=lambda take: (take.split, take.stems)):
        every = list(same)
        for start in range(0, len(every), SHARD):
            yield Group(split, stems, every[start : start + SHARD])


def _shards(
    takes: Sequence[Take], folder: Path, out: Path, corpus_id: str, problems: list[Problem], jobs: int
) -> Iterator[Path]:
    """Write the shards, one by one; takes that cannot be read are added to `problems`."""
    groups = list(_groups(takes))
    tasks = (joblib.delayed(_packed)(take, group.length, folder) for group in groups for take in group.takes)
    label, expected = f"import {out.name}", EFFORT * len(takes)
    results = in_parallel(tasks, len(takes), label, "scenes", jobs=jobs, expected=expected)
    numbers = dict.fromkeys(SPLITS, 0)
    segments, length = takes[0].rir_shape
    for group in groups:
        good: list[Packed] = []
        for result in islice(results, len(group.takes)):
            if isinstance(result, Problem):
                problems.append(result)
            else:
                good.append(result)
        if good:
            path = out / SHARDS / shard_name(group.split, numbers[group.split])
            numbers[group.split] += 1
            signals = STEMS if group.stems else RECORDED
            write_shard(path, corpus_id, len(good), group.length, segments * length, good, signals)
            yield path
    next(results, None)  # lets the bar reach its end


def _packed(take: Take, length: int, folder: Path) -> Packed | Problem:
    try:
        return pack(take.record(), length)
    except AudioError as error:
        return Problem(key(take.files[0], folder), relative(str(error), folder))


def identity(name: str, splits: Sequence[str], hashes: Mapping[str, str], rate: int = RATE) -> str:
    """Return the id of the corpus `name` at `rate` Hz: the hash of all that decides the contents.

    `splits` are those of its scenes in their order, `hashes` the SHA-256 of its files by their names in the folder.
    """
    other_rate = [] if rate == RATE else [rate]
    return sha256(canonical_json([FORMAT, name, list(splits), dict(hashes), *other_rate]))


def _hashes(contents: Found, takes: Sequence[Take], folder: Path) -> dict[str, str]:
    """Return the SHA-256 of the files of some takes, by their names in the folder."""
    files = sorted({*contents.tables, *(path for take in takes for path in take.files)})
    sums = in_threads(file_sha256, files)
    return {key(path, folder): content for path, content in zip(files, sums, strict=True)}


def _report(out: Path, problems: Sequence[Problem]) -> None:
    with (
        whole_file(out / REPORT) as part,
        part.open(
            "w",
            newline="",
            encoding="utf-8",
            errors="surrogateescape",  # names that are not UTF-8 as the bytes they are
        ) as file,
    ):
        table = csv.writer(file)
        table.writerow(("file", "imported", "problem"))
        table.writerows((problem.file, "yes" if problem.kept else "no", problem.problem) for problem in problems)


def _line(problem: Problem) -> str:
    return f"{problem.file}: {problem.problem}"
