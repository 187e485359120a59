"""A folder of results that several evaluations may share: each adds its systems without losing other results.

A folder contains results for one split of one corpus. The results of other systems are kept. A system may replace
earlier results of the same name, model and alignment, provided that it is scored by all metrics of the earlier results.
Anything else is rejected. The oracle, which is part of every table, is exempt from the last condition: its earlier
results are kept if the new ones lack any of their metrics.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from aecbench.errors import AecbenchError, OutputError, UsageError
from aecbench.output import locked, new_folder, whole_file
from aecbench.results.formats import FORMATS
from aecbench.results.groups import variable
from aecbench.results.lost import CEILING
from aecbench.results.table import EARLIER, ResultTable

__all__ = ["ROWS", "add", "check", "table_name"]

ROWS = "rows.parquet"
PATIENCE = 60  # longest wait for another evaluation to write its results [s]
OWN = ("models", "metrics", "versions", "commit", "machine", "command", "board")  # facts that may differ per evaluation
ELSEWHERE = "choose another folder with --out, or remove that one"


def check(new: ResultTable, folder: Path) -> None:
    """Raise UsageError if adding a new table to a folder would lose results, OutputError if the folder is damaged.

    Only the provenance of the new table is read, so its rows need not have been computed yet.
    """
    stored = _read(folder)
    if stored is None:
        return
    for fact in ("id", "digest", "split", "scenes"):
        ours, theirs = new.provenance["corpus"][fact], stored.provenance["corpus"][fact]
        if ours != theirs:
            message = f"contains results of {_words(fact, theirs)}, these are of {_words(fact, ours)}"
            raise UsageError(f"{folder}: {message}; {ELSEWHERE}")
    for system in stored.systems:
        for metric, version in stored.origin(system)["metrics"].items():
            ours = new.provenance["metrics"].get(metric, version)
            if ours != version:
                message = f"contains results by version {version} of {metric}, these are by version {ours}"
                raise UsageError(f"{folder}: {message}; {ELSEWHERE}")
    for system in (new.provenance["systems"].keys() & stored.provenance["systems"].keys()) - {CEILING}:
        _check_system(system, new, stored, folder)


def add(new: ResultTable, folder: Path, by: Sequence[str] = ()) -> ResultTable:
    """Write a new table to a folder, together with the results of other systems there, and return all of them.

    The files are rows.parquet, table.csv and table.md and, for conditions `by` as in `ResultTable.summary`,
    table-by-NAME.csv and .md. Raises the errors of `check`.
    """
    new_folder(folder)
    with locked(folder, PATIENCE):
        check(new, folder)
        whole = _joined(_read(folder), new)
        whole.save(folder)
        if by:
            for layout in ("csv", "md"):
                with whole_file(folder / f"{table_name(by)}.{layout}") as part:
                    part.write_text(FORMATS[layout](whole, by, None), encoding="utf-8")
    return whole


def table_name(by: Sequence[str]) -> str:
    """Return the name, without suffix, of the file with the table by some conditions.

    >>> table_name([]), table_name(["ser=0", "talk"])
    ('table', 'table-by-ser-talk')
    """
    return f"table-by-{'-'.join(map(variable, by))}" if by else "table"


def _read(folder: Path) -> ResultTable | None:
    """Return the results in a folder; None if there are none."""
    if not (folder / ROWS).exists():
        return None
    try:
        table = ResultTable.load(folder / ROWS)
        table.provenance["corpus"]["digest"], table.provenance["systems"].keys() & table.provenance["models"].keys()
    except AecbenchError as error:
        raise OutputError(f"{error}; {ELSEWHERE}") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise OutputError(f"{folder / ROWS}: lacks facts about its results ({error!r}); {ELSEWHERE}") from None
    return table


def _words(fact: str, value: Any) -> str:
    return {
        "id": f"corpus {value!s:.12}",
        "digest": f"a corpus of digest {value!s:.12}",
        "split": f"split {value}",
        "scenes": f"{value} scenes",
    }[fact]


def _check_system(system: str, new: ResultTable, stored: ResultTable, folder: Path) -> None:
    """Raise UsageError if another system has this name, or if metrics of the same one would be lost."""
    ours, theirs = new.origin(system), stored.origin(system)
    for fact, own, previous in (
        ("model", ours["models"][system], theirs["models"][system]),
        ("alignment", ours["systems"][system]["align"], theirs["systems"][system]["align"]),
    ):
        if own != previous:
            raise UsageError(
                f"{folder}: contains results of {system!r} with {fact} {previous}, not {own}; give this one a name, "
                f"--model NAME={ours['models'][system]}, or {ELSEWHERE}"
            )
    if lost := _metrics_lost(system, new, stored):
        raise UsageError(
            f"{folder}: contains results of {system!r} by {', '.join(lost)} too; score it by all of its metrics, or "
            f"{ELSEWHERE}"
        )


def _metrics_lost(system: str, new: ResultTable, stored: ResultTable) -> list[str]:
    return [metric for metric in stored.origin(system)["metrics"] if metric not in new.origin(system)["metrics"]]


def _without(system: str, table: ResultTable) -> ResultTable:
    facts = {
        key: {name: x for name, x in table.provenance[key].items() if name != system} for key in ("systems", "models")
    }
    return ResultTable(table.rows[table.rows["system"] != system], table.provenance | facts)


def _joined(stored: ResultTable | None, new: ResultTable) -> ResultTable:
    """Return the results of other systems followed by the new ones, with the oracle last."""
    if stored is None:
        return new
    if CEILING in stored.systems and _metrics_lost(CEILING, new, stored):
        new = _without(CEILING, new)
    earlier = [system for system in stored.systems if system not in new.systems]
    rows = stored.rows[stored.rows["system"].isin(earlier)]
    provenance = dict(new.provenance)
    if earlier:
        own = {system: stored.origin(system) for system in earlier}
        provenance["systems"] = {name: own[name]["systems"][name] for name in earlier} | new.provenance["systems"]
        provenance[EARLIER] = {name: {fact: own[name].get(fact) for fact in OWN} for name in earlier}
    together = pd.concat([rows, new.rows], ignore_index=True)
    last = together["system"] == CEILING
    return ResultTable(pd.concat([together[~last], together[last]], ignore_index=True), provenance)
