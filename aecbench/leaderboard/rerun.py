"""Running the systems of a board again, on a few scenes, to see whether they score what their entries say."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from aecbench import provenance
from aecbench.assets import names
from aecbench.cancellers import CANCELLERS
from aecbench.corpus import Corpus
from aecbench.errors import NotInstalled, UsageError
from aecbench.evaluation import evaluate
from aecbench.leaderboard.board import Board
from aecbench.leaderboard.entry import Entry, Published
from aecbench.leaderboard.task import board_scenes
from aecbench.metrics import METRICS, TABLE, find, of_version
from aecbench.systems import System, difference, load_system

__all__ = ["Rerun", "check_models", "kind_of", "rerun", "system_of"]

OUTSIDE = "aecbench.cancellers.external."
EXACT = 1e-6  # by which values may differ with the same code on the same machine
ALLOWED = {"filter": 1e-3, "network": 1e-3, "outside": 1e-2}
"""By which they may differ elsewhere. Under the masks of `benchmarks/scores.py`, 16 systems on 6 scenes, the largest
differences were 2.7e-5 for filters and 2.0e-5 for networks; outside programs choose their own vector extensions, which
no mask reaches."""


class Rerun(NamedTuple):
    """A system of a board, run again."""

    name: str
    largest: float  # difference of a value; NaN where it was not run
    allowed: float
    problem: str  # "" where there is none, or where it could not be run
    skipped: str = ""  # why it could not be run


def rerun(
    board: Board, corpus: Corpus, count: int, seed: int, *, models: Sequence[str] = (), jobs: int = 1
) -> Iterator[Rerun]:
    """Run every system of the board again, on `count` scenes drawn with `seed`, and compare value by value.

    `models` are systems that are not shipped: folders with a card, or classes. Values may differ by 1e-6 with the
    commit, the libraries and the processor of the entry. Elsewhere, and for networks and outside programs always, they
    may differ as ALLOWED says, because compilers round differently. Times are not compared. Raises BoardError where the
    corpus is not the corpus of the board, and the errors of `check_models`.
    """
    check_models(board, models)
    scenes = board_scenes(board.rules, corpus)
    chosen = np.random.default_rng(seed).choice(len(scenes), min(count, len(scenes)), replace=False)
    scenes = scenes.where(scene=list(scenes.scenes["scene"].iloc[chosen]))
    for _, published in sorted(board.current.items()):
        yield _again(published, models, scenes, jobs)


def _again(published: Published, models: Sequence[str], scenes: Corpus, jobs: int) -> Rerun:
    entry, nothing = published.entry, float("nan")
    try:
        system = system_of(entry, models)
    except NotInstalled as error:
        return Rerun(entry.name, nothing, EXACT, "", str(error))
    if system is None:
        return Rerun(entry.name, nothing, EXACT, "", "is not shipped; give its folder or class with --model")
    kind = kind_of(system)
    allowed = EXACT if kind == "filter" and _same_place(entry) else ALLOWED[kind]
    if part := _difference(system, entry):
        return Rerun(entry.name, nothing, allowed, f"its {part} changed after it was published; publish it again")
    rows = {metric: of_version(metric, version) for metric, version in entry.metrics.items()}
    rows |= {metric: find(metric) for metric in entry.metrics if metric in TABLE.offered and metric not in METRICS}
    metrics = {metric: row for metric, row in rows.items() if row is not None}
    again = evaluate(system, scenes, metrics, split=entry.corpus.split, jobs=jobs).rows
    ours = again[again["metric"].isin(metrics)].set_index(["scene", "metric"])["value"]
    theirs = published.rows.set_index(["scene", "metric"])["value"].reindex(ours.index)
    gap = (ours - theirs).abs().fillna(np.inf)[ours.notna() | theirs.notna()].sort_values(ascending=False)
    largest = 0.0 if gap.empty else float(gap.iloc[0])
    if largest <= allowed:
        return Rerun(entry.name, largest, allowed, "")
    worst: Any = gap.index[0]
    scene, metric = worst
    message = f"{metric} of {scene} is {ours[worst]:.6f} when run again, published {theirs[worst]:.6f}"
    return Rerun(entry.name, largest, allowed, message)


def check_models(board: Board, models: Sequence[str]) -> None:
    """Raise UsageError for one of `models` that is not an entry of the board, and the errors of `load_system`."""
    shipped = {*names("baselines"), *CANCELLERS}
    entries = [entry for name, (entry, _) in board.current.items() if name not in shipped]
    for model in models:
        system = load_system(model, board.rules.alignment)
        if not any(entry.name == system.name or not _difference(system, entry) for entry in entries):
            others = ", ".join(sorted(entry.name for entry in entries)) or "none"
            raise UsageError(
                f"--model {model}: expected one of the systems of {board.rules.name} that are not shipped ({others}); "
                f"leave it out, or name it as its entry, --model NAME={model}"
            )


def system_of(entry: Entry, models: Sequence[str]) -> System | None:
    """The system of an entry: the shipped one of its name, one of `models`, or none. Raises NotInstalled.

    Among these models, the one that matches the entry is chosen, else the one with its name.
    """
    if entry.name in {*names("baselines"), *CANCELLERS}:
        return load_system(entry.name, entry.system.align)
    others = [load_system(model, entry.system.align) for model in models]
    same = [other for other in others if not _difference(other, entry)]
    return next(iter(same or [other for other in others if other.name == entry.name]), None)


def kind_of(system: System) -> str:
    """Return whose arithmetic decides the output: a "network", an "outside" program, or a "filter" of ours."""
    if "weights" in system.parameters:
        return "network"
    return "outside" if system.target.startswith(OUTSIDE) else "filter"


def _same_place(entry: Entry) -> bool:
    """Whether code, libraries and processor are those of the entry."""
    origin = (provenance.commit(), provenance.versions(), provenance.machine())
    return origin == (entry.commit, entry.versions, entry.machine)


def _difference(system: System, entry: Entry) -> str:
    return difference(system, entry.system.canceller, entry.system.parameters)
