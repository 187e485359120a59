"""Whether an entry, and a board, is what it says: every scene, every value, every file."""

import math
from collections import Counter
from collections.abc import Iterator, Sized
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from aecbench.assets import names
from aecbench.config import sha256
from aecbench.leaderboard.board import BOARD, SCENES, Board, Rules, read_rules, read_scenes
from aecbench.leaderboard.entry import RESULTS, BoardError, Cell, Entry, Published, read_entry, read_rows
from aecbench.leaderboard.readme import README, board_readme
from aecbench.leaderboard.validity import VALIDITY, read_validity
from aecbench.metrics import METRICS
from aecbench.results import RTF
from aecbench.systems import load_system

__all__ = ["Violation", "among", "check_entry", "stated", "verify"]

RANGES = {  # of the values of a metric, by its unit
    "dB": (-100.0, 100.0),
    "dBFS": (-100.0, 100.0),
    "MOS-LQO": (0.9, 4.7),
    "MOS": (-0.5, 5.0),
    "": (-1.0, 1.0),
    "s": (0.0, 3600.0),
}
FREE = (-1e6, 1e6)  # of a metric that is not in METRICS
SLOWEST = 1e4  # real-time factor
EXACT = 1e-6  # of recomputed means
LOSS = (-100.0, 100.0)  # [dB] of the near end
ENDS = {"low", "high"}  # of an interval: how it is computed has changed since the first entries


class Violation(NamedTuple):
    """A file of a board that is not as it should be."""

    file: str  # within the folder of the board
    what: str


def check_entry(published: Published, rules: Rules, scenes: pd.DataFrame) -> Iterator[str]:
    """Yield the faults of a single entry of a board with these rules and scenes."""
    entry, rows = published
    if entry.board != rules.name:
        yield f"belongs to board {entry.board!r}, not {rules.name!r}"
    for name, ours in rules.corpus.model_dump().items():
        theirs = getattr(entry.corpus, name)
        if theirs != ours:
            yield f"was scored on a corpus of {name} {theirs!s:.64}, expected {ours!s:.64}"
    if entry.system.align not in rules.alignments:
        yield f"was run with alignment {entry.system.align}, expected {' or '.join(rules.alignments)}"
    for metric, facts in rules.metrics.items():
        if metric not in entry.metrics:
            yield f"lacks the metric {metric}"
        elif entry.metrics[metric] != facts.version:
            yield f"has version {entry.metrics[metric]} of {metric}, expected {facts.version}"
    for metric in sorted(entry.metrics.keys() - rules.metrics.keys()):
        yield f"has the metric {metric!r}, which this board does not"
    yield from _system(entry)
    yield from _rows(rows, [*rules.metrics, RTF], set(scenes["scene"]))


def _system(entry: Entry) -> Iterator[str]:
    version = entry.versions.get("aecbench", "")
    if entry.system.rehash(version) != entry.system.hash:
        yield f"its system does not have the hash {entry.system.hash[:12]}: canceller, parameters or version was edited"
    if entry.card is not None and entry.card.get("sha256") != entry.system.weights:
        yield f"its card names the weights {entry.card.get('sha256')}, its system {entry.system.weights}"


def _rows(rows: pd.DataFrame, metrics: list[str], scenes: set[str]) -> Iterator[str]:
    for metric in sorted(set(rows["metric"]) - set(metrics)):
        yield f"has rows of the metric {metric!r}, which this board does not"
    for metric in metrics:
        part = rows[rows["metric"] == metric]
        counts = Counter(part["scene"])
        for message, odd_scenes in (
            ("lacks", scenes - counts.keys()),
            ("has an unknown", counts.keys() - scenes),
            ("has more than one row for", {scene for scene, n in counts.items() if n > 1}),
        ):
            if odd_scenes:
                yield f"{metric} {message} scene {min(odd_scenes)}{_more(odd_scenes)}"
        low, high = (0.0, SLOWEST) if metric == RTF else RANGES[METRICS[metric].unit] if metric in METRICS else FREE
        values = part["value"]
        outside = part[values.notna() & ~values.between(low, high)]
        if len(outside):
            first = outside.iloc[0]
            yield f"{metric} of {first['scene']} is {first['value']:g}, expected {low:g} to {high:g}"
        if metric == RTF and (values == 0).any():
            yield f"{metric} is 0, which nothing is"
    silent = rows[rows["value"].isna() & (rows["reason"].str.strip() == "")]
    if len(silent):
        first = silent.iloc[0]
        yield f"{first['metric']} of {first['scene']} is NaN without a reason"
    odd = rows[rows["failed"] & rows["value"].notna()]
    if len(odd):
        first = odd.iloc[0]
        yield f"{first['metric']} of {first['scene']} failed, and yet has a value"
    losses = rows["near_loss"]
    if (losses.notna() & ~losses.between(*LOSS)).any():
        yield f"a near-end loss is outside {LOSS[0]:g} to {LOSS[1]:g} dB"
    if (rows.groupby("scene")["near_loss"].nunique() > 1).any():
        yield "a scene has several near-end losses"


def among(board: Board, published: Published) -> Iterator[str]:
    """Yield the faults of an entry beside the other entries of the board."""
    entries = [*(other for versions in board.systems.values() for other in versions), published]
    for violation in (*_twins(entries), *_hidden(entries), *_outdated(entries, board.rules)):
        if violation.file == f"{RESULTS}/{published.entry.file}.json":
            yield violation.what


def verify(path: Path) -> list[Violation]:
    """Everything that is wrong with the board in a folder; an empty list where it is whole.

    Raises BoardError where its rules or its scenes cannot be read: then nothing can be compared.
    """
    rules = read_rules(path)
    scenes = read_scenes(path, rules)
    violations: list[Violation] = []
    published: list[Published] = []
    for file in sorted((path / RESULTS).glob("*.json")):
        within = f"{RESULTS}/{file.name}"
        try:
            entry = read_entry(file)
            published.append(Published(entry, read_rows(file.with_suffix(".parquet"), entry)))
        except BoardError as error:
            violations.append(Violation(within, str(error).removeprefix(f"{file}: ")))
            continue
        messages = list(check_entry(published[-1], rules, scenes))
        violations += [Violation(within, message) for message in messages or _means(published[-1], rules, scenes, path)]
    violations += _versions(path, [entry for entry, _ in published])
    violations += _twins(published)
    violations += _hidden(published)
    violations += _outdated(published, rules)
    violations += _strays(path)
    violations += _validity(path, rules)
    if not violations and not _is_current(path, rules, scenes, published):
        violations.append(Violation(README, "is not what the entries give; run aecbench leaderboard update"))
    return violations


def _means(published: Published, rules: Rules, scenes: pd.DataFrame, path: Path) -> Iterator[str]:
    """Yield the differences between the statements of an entry and its rows."""
    means, destroyed = stated(Board(path, rules, scenes, {}), published)
    for metric, cell in means.items():
        if metric not in published.entry.means:
            yield f"states no mean of {metric}"
            continue
        theirs = published.entry.means[metric].model_dump()
        for name, ours in cell.model_dump(exclude=ENDS).items():
            if not _same(ours, theirs[name]):
                yield f"states {name} {theirs[name]} of {metric}, its rows give {ours}"
    for metric in sorted(published.entry.means.keys() - means.keys()):
        yield f"states a mean of {metric!r} but has no rows for it"
    if destroyed != published.entry.near_end_destroyed:
        yield f"states {published.entry.near_end_destroyed} scenes without near end, its rows give {destroyed}"


def stated(board: Board, published: Published) -> tuple[dict[str, Cell], tuple[int, int] | None]:
    """Return the facts of an entry about its rows: the mean of each metric, and where the near end is destroyed."""
    table = board.table_of([published])
    ((_, cells),) = table.summary().items()
    return {metric: Cell.of(cell) for metric, cell in cells.items()}, table.destroyed.get(published.entry.name)


def _same(ours: float | None, theirs: float | None) -> bool:
    if ours is None or theirs is None:
        return ours is theirs
    return math.isclose(ours, theirs, rel_tol=EXACT, abs_tol=EXACT)


def _versions(path: Path, entries: list[Entry]) -> Iterator[Violation]:
    """Each version names the hash of the one before."""
    versions = {(entry.name, entry.version): entry for entry in entries}
    for (name, version), entry in sorted(versions.items()):
        before = versions.get((name, version - 1))
        expected = None if before is None else sha256((path / RESULTS / f"{before.file}.json").read_bytes())
        if version > 1 and before is None:
            yield Violation(f"{RESULTS}/{entry.file}.json", f"supersedes version {version - 1}, which is not there")
        elif entry.supersedes != expected:
            message = f"supersedes another version {version - 1} than the one that is there"
            yield Violation(f"{RESULTS}/{entry.file}.json", message)


def _twins(published: list[Published]) -> Iterator[Violation]:
    """The same rows twice: processor times differ, even of the same system."""
    first: dict[str, str] = {}
    for entry, _ in published:
        other = first.setdefault(entry.rows, entry.file)
        if other != entry.file:
            yield Violation(f"{RESULTS}/{entry.file}.json", f"has the very rows of {other}: a copy")


def _hidden(published: list[Published]) -> Iterator[Violation]:
    """Scenes in which a metric is said to be undefined for any system, although another one has a value.

    A metric that a system has in no scene at all hides nothing: the table says so.
    """
    if not published:
        return
    rows = pd.concat([rows.assign(file=entry.file) for entry, rows in published], ignore_index=True)
    rows = rows[~rows["failed"]]
    rows = rows[rows["value"].notna().groupby([rows["file"], rows["metric"]]).transform("any")]
    share_known = rows["value"].notna().groupby([rows["metric"], rows["scene"]]).transform("mean")
    odd = rows[(rows["value"].notna() & (share_known < 0.5)) | (rows["value"].isna() & (share_known >= 0.5))]
    for file, part in odd.groupby("file"):
        first = part.iloc[0]
        message = f"is NaN ({first['reason']}), and has a value in other entries"
        if pd.notna(first["value"]):
            message = "has a value, and is undefined in other entries"
        yield Violation(f"{RESULTS}/{file}.json", f"{first['metric']} of {first['scene']} {message}{_more(part)}")


def _strays(path: Path) -> Iterator[Violation]:
    entries = set(path.glob(f"{RESULTS}/*.json"))
    expected = {path / BOARD, path / SCENES, path / README, path / VALIDITY, *entries}
    expected |= {file.with_suffix(".parquet") for file in entries}
    for file in sorted(path.rglob("*")):
        if file.is_symlink() or (file.is_file() and file not in expected):
            yield Violation(file.relative_to(path).as_posix(), "does not belong to the board")


def _validity(path: Path, rules: Rules) -> Iterator[Violation]:
    """The table of what the board predicts can be read, and is about its metrics."""
    try:
        rows = read_validity(path)
    except BoardError as error:
        yield Violation(VALIDITY, str(error).removeprefix(f"{path / VALIDITY}: "))
        return
    for metric in sorted({row.metric for row in rows} - set(rules.metrics)):
        yield Violation(VALIDITY, f"is about the metric {metric!r}, which this board does not have")


def _outdated(published: list[Published], rules: Rules) -> Iterator[Violation]:
    """The last version of a shipped network has the weights that ship; those before it, and in archives, had others."""
    if rules.successor:
        return
    last = {entry.name: entry for entry, _ in sorted(published, key=lambda item: item.entry.version)}
    for name in sorted(last.keys() & set(names("baselines"))):
        theirs = last[name].system.weights
        if theirs is not None and (ours := load_system(name).parameters.get("weights")) != theirs:
            message = f"has the weights {theirs}, but the shipped {name} has {ours}; publish it again"
            yield Violation(f"{RESULTS}/{last[name].file}.json", message)


def _is_current(path: Path, rules: Rules, scenes: pd.DataFrame, published: list[Published]) -> bool:
    systems: dict[str, list[Published]] = {}
    for version in sorted(published, key=lambda item: item.entry.version):
        systems.setdefault(version.entry.name, []).append(version)
    text = board_readme(Board(path, rules, scenes, systems))
    return (path / README).is_file() and (path / README).read_bytes() == text.encode()


def _more(items: Sized) -> str:
    count = len(items)
    return f" (and {count - 1} more)" if count > 1 else ""
