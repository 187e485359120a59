"""Results of several evaluations in one table: stored in one folder, to which each of them adds, or in several folders.

A table contains results for one split of one corpus, by one version of each metric. The results of other systems are
kept. A system may replace earlier results of the same name, model and alignment, provided that it is scored by all
metrics of the earlier results. Anything else is rejected. The oracle, which is part of every table, is exempt from the
last condition: its earlier results are kept if the new ones lack any of their metrics.
"""

from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import combinations
from pathlib import Path
from typing import Any

import pandas as pd

from aecbench.errors import AecbenchError, OutputError, UsageError
from aecbench.output import locked, new_folder, whole_file
from aecbench.results.columns import COLUMNS
from aecbench.results.formats import FORMATS
from aecbench.results.groups import variable
from aecbench.results.lost import CEILING
from aecbench.results.table import EARLIER, ROWS, ResultTable

__all__ = ["add", "check", "join", "load", "table_name"]

PATIENCE = 60  # longest wait for another evaluation to write its results [s]
OWN = ("models", "metrics", "versions", "commit", "machine", "command", "board")  # facts that may differ per evaluation
ELSEWHERE = "choose another folder with --out, or remove that one"
APART = "leave one of them out"


def check(new: ResultTable, folder: Path) -> None:
    """Raise UsageError if adding a new table to a folder would lose results, OutputError if the folder is damaged.

    Only the provenance of the new table is read, so its rows need not have been computed yet.
    """
    stored = _read(folder)
    if stored is not None:
        _check(new, stored, folder, None, ELSEWHERE)


def add(new: ResultTable, folder: Path, by: Sequence[str] = ()) -> ResultTable:
    """Write a new table to a folder, together with the results of other systems there, and return all of them.

    The files are rows.parquet, table.csv and table.md and, for conditions `by` as in `ResultTable.summary`,
    table-by-NAME.csv and .md. Raises the errors of `check`.
    """
    new_folder(folder)
    with locked(folder, PATIENCE):
        check(new, folder)
        stored = _read(folder)
        whole = new if stored is None else _joined(stored, new)
        whole.save(folder)
        if by:
            for layout in ("csv", "md"):
                with whole_file(folder / f"{table_name(by)}.{layout}") as part:
                    part.write_text(FORMATS[layout](whole, by, None), encoding="utf-8")
    return whole


def load(places: Sequence[Path]) -> dict[Path | None, ResultTable]:
    """Return the tables in folders of `aecbench eval --out`, or in their rows.parquet, for `join`.

    Raises AecbenchError if a file is missing or does not contain results.
    """
    return {place: _load(place / ROWS if place.is_dir() else place) for place in places}


def join(tables: Mapping[Path | None, ResultTable]) -> ResultTable:
    """Return the systems of at least one table as a single one; a system that several have is taken from the last.

    The keys say where each table is stored; None stands for a new one, whose rows need not have been computed yet.
    Raises UsageError if the tables are not of the same scenes and versions of metrics, or if results would be lost.
    """
    for (place, stored), (other, new) in combinations(tables.items(), 2):
        _check(new, stored, place, other, APART)
    return reduce(_joined, tables.values())


def table_name(by: Sequence[str]) -> str:
    """Return the name, without suffix, of the file with the table by some conditions.

    >>> table_name([]), table_name(["ser=0", "talk"])
    ('table', 'table-by-ser-talk')
    """
    return f"table-by-{'-'.join(map(variable, by))}" if by else "table"


def _read(folder: Path) -> ResultTable | None:
    """Return the results in a folder; None if there are none. Raises OutputError."""
    if not (folder / ROWS).exists():
        return None
    try:
        return _load(folder / ROWS)
    except AecbenchError as error:
        raise OutputError(f"{error}; {ELSEWHERE}") from None


def _load(file: Path) -> ResultTable:
    """Return the results in a file. Raises AecbenchError, also for results without the facts that `_check` compares."""
    table = ResultTable.load(file)
    try:
        table.provenance["corpus"]["digest"], table.provenance["systems"].keys() & table.provenance["models"].keys()
    except (KeyError, TypeError, AttributeError) as error:
        raise AecbenchError(f"{file}: lacks facts about its results ({error!r}); evaluate again") from None
    return table


def _check(new: ResultTable, stored: ResultTable, place: Path | None, other: Path | None, advice: str) -> None:
    """Raise UsageError unless a new table, stored in `other` or nowhere, can be joined to the one in `place`."""
    these = "these" if other is None else f"those in {other}"
    for fact in ("id", "digest", "split", "scenes"):
        ours, theirs = new.provenance["corpus"][fact], stored.provenance["corpus"][fact]
        if ours != theirs:
            message = f"contains results of {_words(fact, theirs)}, {these} are of {_words(fact, ours)}"
            raise UsageError(f"{place}: {message}; {advice}")
    scenes, others = set(stored.rows["scene"]), set(new.rows["scene"])
    if others and scenes != others:
        message = f"contains results of other scenes than {these}, such as {min(scenes ^ others)}"
        raise UsageError(f"{place}: {message}; {advice}")
    ours, theirs = _versions(new), _versions(stored)
    for metric in theirs.keys() & ours.keys():
        if theirs[metric] != ours[metric]:
            message = f"contains results by version {theirs[metric]} of {metric}, {these} are by version {ours[metric]}"
            raise UsageError(f"{place}: {message}; {advice}")
    for system in (_names(new) & _names(stored)) - {CEILING}:
        _check_system(system, new, stored, place, other, advice)


def _words(fact: str, value: Any) -> str:
    return {
        "id": f"corpus {value!s:.12}",
        "digest": f"a corpus of digest {value!s:.12}",
        "split": f"split {value}",
        "scenes": f"{value} scenes",
    }[fact]


def _check_system(
    system: str, new: ResultTable, stored: ResultTable, place: Path | None, other: Path | None, advice: str
) -> None:
    """Raise UsageError if another system has this name, or if metrics of the same one would be lost."""
    ours, theirs, message = new.origin(system), stored.origin(system), f"{place}: contains results of {system!r}"
    for fact, own, previous in (
        ("model", ours["models"][system], theirs["models"][system]),
        ("alignment", ours["systems"][system]["align"], theirs["systems"][system]["align"]),
    ):
        if own != previous and other is None:
            name = f"give this one a name, --model NAME={ours['models'][system]}"
            raise UsageError(f"{message} with {fact} {previous}, not {own}; {name}, or {advice}")
        if own != previous:
            raise UsageError(f"{message} with {fact} {previous}, {other} with {own}; {advice}")
    if lost := _metrics_lost(system, new, stored):
        remedy = "score it by all of its metrics" if other is None else f"name {place} last"
        raise UsageError(f"{message} by {', '.join(lost)} too; {remedy}, or {advice}")


def _names(table: ResultTable) -> set[str]:
    """Return the names of the systems, which a table has in its provenance before its rows have been computed."""
    return set(table.provenance["systems"])


def _versions(table: ResultTable) -> dict[str, int]:
    """Return the version of each metric by which any of the systems was scored."""
    return {metric: version for name in _names(table) for metric, version in table.origin(name)["metrics"].items()}


def _metrics_lost(system: str, new: ResultTable, stored: ResultTable) -> list[str]:
    return [metric for metric in stored.origin(system)["metrics"] if metric not in new.origin(system)["metrics"]]


def _without(system: str, table: ResultTable) -> ResultTable:
    facts = {
        key: {name: x for name, x in table.provenance[key].items() if name != system}
        for key in ("systems", "models", EARLIER)
        if key in table.provenance
    }
    return ResultTable(table.rows[table.rows["system"] != system], table.provenance | facts)


def _joined(stored: ResultTable, new: ResultTable) -> ResultTable:
    """Return the results of other systems followed by the new ones, with the oracle last."""
    if CEILING in _names(stored) & _names(new) and _metrics_lost(CEILING, new, stored):
        new = _without(CEILING, new)
    earlier = [system for system in stored.systems if system not in _names(new)]
    rows = stored.rows[stored.rows["system"].isin(earlier)]
    provenance = dict(new.provenance)
    own = {system: stored.origin(system) for system in earlier}
    provenance["systems"] = {name: own[name]["systems"][name] for name in earlier} | new.provenance["systems"]
    facts = {name: {fact: own[name].get(fact) for fact in OWN} for name in earlier} | provenance.get(EARLIER, {})
    if facts:
        provenance[EARLIER] = facts
    provenance[COLUMNS] = stored.provenance.get(COLUMNS, {}) | new.provenance.get(COLUMNS, {})
    together = pd.concat([rows, new.rows], ignore_index=True) if len(new.rows) else rows
    last = together["system"] == CEILING
    return ResultTable(pd.concat([together[~last], together[last]], ignore_index=True), provenance)
