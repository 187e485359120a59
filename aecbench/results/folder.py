"""A folder of results, which several evaluations may share: each adds its systems, and none loses what is there.

The rule: a folder is of one split of one corpus. The results of other systems stay. A system takes the place of itself:
of the same name, model and alignment, by all metrics that it was scored by before. Anything else is refused. The
oracle, which stands in every table, is scored again only by as many metrics as it has.
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

__all__ = ["ROWS", "add", "check"]

ROWS = "rows.parquet"
PATIENCE = 60  # [s] for another evaluation to write its results
OWN = ("models", "metrics", "versions", "commit", "machine", "command", "board")  # facts that evaluations differ in
ELSEWHERE = "choose another folder with --out, or remove that one"


def check(new: ResultTable, folder: Path) -> None:
    """Raise UsageError where a folder holds results that a new table would take away, OutputError for a damaged one.

    The rows of the new table are not looked at, so it may be one that is yet to be computed.
    """
    stored = _read(folder)
    if stored is None:
        return
    for fact in ("id", "digest", "split", "scenes"):
        ours, theirs = new.provenance["corpus"][fact], stored.provenance["corpus"][fact]
        if ours != theirs:
            message = f"holds results of {_words(fact, theirs)}, these are of {_words(fact, ours)}"
            raise UsageError(f"{folder}: {message}; {ELSEWHERE}")
    for system in stored.systems:
        for metric, version in stored.origin(system)["metrics"].items():
            ours = new.provenance["metrics"].get(metric, version)
            if ours != version:
                message = f"holds results by version {version} of {metric}, these are by version {ours}"
                raise UsageError(f"{folder}: {message}; {ELSEWHERE}")
    for system in (new.provenance["systems"].keys() & stored.provenance["systems"].keys()) - {CEILING}:
        _check_system(system, new, stored, folder)


def add(new: ResultTable, folder: Path, by: Sequence[str] = ()) -> ResultTable:
    """Write a new table into a folder, together with the results of other systems there. Gives all of them.

    The files are rows.parquet, table.csv and table.md; with conditions `by`, as of `ResultTable.summary`, there is the
    breakdown too, table-by-NAME.csv and .md. Raises as `check` does.
    """
    new_folder(folder)
    with locked(folder, PATIENCE):
        check(new, folder)
        whole = _joined(_read(folder), new)
        whole.save(folder)
        if by:
            for layout in ("csv", "md"):
                with whole_file(folder / f"table-by-{'-'.join(map(variable, by))}.{layout}") as part:
                    part.write_text(FORMATS[layout](whole, by, None), encoding="utf-8")
    return whole


def _read(folder: Path) -> ResultTable | None:
    """The results in a folder; None where there are none."""
    if not (folder / ROWS).exists():
        return None
    try:
        table = ResultTable.load(folder / ROWS)
        table.provenance["corpus"]["digest"], table.provenance["systems"].keys() & table.provenance["models"].keys()
    except AecbenchError as error:
        raise OutputError(f"{error}; {ELSEWHERE}") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise OutputError(f"{folder / ROWS}: does not say what it holds ({error!r}); {ELSEWHERE}") from None
    return table


def _words(fact: str, value: Any) -> str:
    return {
        "id": f"corpus {value!s:.12}",
        "digest": f"a corpus of digest {value!s:.12}",
        "split": f"split {value}",
        "scenes": f"{value} scenes",
    }[fact]


def _check_system(system: str, new: ResultTable, stored: ResultTable, folder: Path) -> None:
    """Raise UsageError where another system has the name, or the same one has metrics that it would lose."""
    ours, theirs = new.origin(system), stored.origin(system)
    for fact, own, previous in (
        ("model", ours["models"][system], theirs["models"][system]),
        ("alignment", ours["systems"][system]["align"], theirs["systems"][system]["align"]),
    ):
        if own != previous:
            raise UsageError(
                f"{folder}: holds results of {system!r} with {fact} {previous}, not {own}; give this one a name, "
                f"--model NAME={ours['models'][system]}, or {ELSEWHERE}"
            )
    if lost := _metrics_lost(system, new, stored):
        raise UsageError(
            f"{folder}: holds results of {system!r} by {', '.join(lost)} too; score it by all of its metrics, or "
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
    """The new results, behind those of other systems."""
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
