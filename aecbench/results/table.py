"""The outcome of an evaluation: one row per scene, system and metric, and where it all comes from."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from aecbench.errors import UnknownName
from aecbench.output import new_folder, whole_file
from aecbench.results import formats
from aecbench.results.columns import RTF, column, lower_is_better
from aecbench.results.groups import SCORES, groups, variable
from aecbench.results.statistics import Difference, Interval, difference, holm, mean_interval, ranks

__all__ = ["DESTROYED", "EARLIER", "ResultTable"]

EARLIER = "earlier"  # of provenance: facts of the systems that another evaluation has scored
DESTROYED = 20.0  # [dB] by which the near end is down that counts as destroyed

By = str | Sequence[str] | None
Cells = dict[tuple[str, str], dict[str, Any]]


@dataclass(frozen=True)
class ResultTable:
    """Rows with the columns scene, system, metric, value, reason, failed, near_loss, echo and what was drawn.

    near_loss says how much of the near end the system has taken away, in dB; NaN where it does not talk or that is not
    known. echo is 1 where far end and microphone correlate, 0 where they do not, NaN where the far end is silent.
    `provenance` tells corpus (id, digest, split, scenes), systems (hash, parameters), models (what to load them by),
    metrics (their versions) and columns (their titles, units and directions), versions, commit, machine and command.
    Where systems of an earlier evaluation are in the table, these facts of theirs are in `earlier`, by system; see
    `origin`.

    Tables of several conditions take `by`: the names of columns, or "NAME=EDGE,EDGE,..." for numbers in given bins.
    Metrics of the near end that are valid in double talk are averaged over the scenes in which both ends talk: alone,
    the near end comes through most systems untouched, and would say little about them. `by` "talk" shows it.
    """

    rows: pd.DataFrame
    provenance: dict[str, Any]

    @property
    def systems(self) -> list[str]:
        """In the order they were evaluated."""
        return list(self.rows["system"].unique())

    @property
    def metrics(self) -> list[str]:
        """In the order of the columns."""
        return list(self.rows["metric"].unique())

    @property
    def failed(self) -> pd.DataFrame:
        """The rows that should have a value and have none."""
        return self.rows[self.rows["failed"]]

    @property
    def destroyed(self) -> dict[str, tuple[int, int]]:
        """Systems that destroy the near end: it is more than 20 dB down in at least half of the scenes it talks in.

        In how many, and of how many.
        """
        if "near_loss" not in self.rows:
            return {}
        found = {}
        for system, part in self.rows.groupby("system", sort=False):
            losses = part.drop_duplicates("scene")["near_loss"].dropna()
            lost = int((losses > DESTROYED).sum())
            if lost and 2 * lost >= len(losses):
                found[str(system)] = (lost, len(losses))
        return found

    @property
    def no_echo(self) -> list[str]:
        """The scenes in which far end and microphone do not correlate: nothing can be cancelled in them."""
        if "echo" not in self.rows:
            return []
        return [str(scene) for scene in self.rows.loc[self.rows["echo"] == 0, "scene"].unique()]

    def summary(self, by: By = None) -> dict[tuple[str, str], dict[str, Interval]]:
        """(condition, system) -> metric -> interval; the condition is "" without `by`, with several "low, double".

        Raises UnknownName for a condition, AecbenchError where no scene has one.
        """
        return {
            (", ".join(labels), system): {metric: _interval(rows[rows["metric"] == metric]) for metric in self.metrics}
            for labels, part in self.parts(by)
            for system, rows in ((system, part[part["system"] == system]) for system in self.systems)
        }

    def differences(self, reference: str, by: By = None) -> dict[tuple[str, str], dict[str, Difference]]:
        """(condition, system) -> metric -> difference to the system `reference`, scene by scene, in other systems.

        The p-values are corrected (Holm) for all tests in the table; RTF, a time and no score, has none.
        Raises UnknownName.
        """
        if reference not in self.systems:
            raise UnknownName("system", reference, self.systems)
        found: dict[tuple[str, str], dict[str, Difference]] = {}
        for labels, part in self.parts(by):
            values = {metric: self._values(part, metric) for metric in self.metrics}
            for system in (other for other in self.systems if other != reference):
                found[", ".join(labels), system] = {
                    metric: difference(x[system].to_numpy(), x[reference].to_numpy()) for metric, x in values.items()
                }
        tests = [(key, metric) for key, cells in found.items() for metric in cells]
        raw = [np.nan if metric == RTF else found[key][metric].p for key, metric in tests]
        for (key, metric), p in zip(tests, holm(raw), strict=True):
            found[key][metric] = found[key][metric]._replace(p=p)
        return found

    def to_pandas(self, by: By = None, reference: str | None = None) -> pd.DataFrame:
        """A row per condition, system and metric: mean, median, interval (low, high), n, failed, rank.

        With `reference`, also the difference to that system and what `differences` says of it.
        """
        return formats.long(self, [by] if isinstance(by, str) else list(by or ()), reference)

    def __str__(self) -> str:
        """The table in Markdown."""
        return str(formats.FORMATS["md"](self, (), None))

    def _repr_html_(self) -> str:
        """The table, for notebooks."""
        return str(formats.wide(self, ()).to_html(index=False))

    def ranks(self, by: By = None) -> dict[tuple[str, str], dict[str, int | None]]:
        """(condition, system) -> metric -> rank, shared by systems that cannot be told apart; None without a value.

        One that destroys the near end ranks behind all that do not.
        """
        last = [system in self.destroyed for system in self.systems]
        found: dict[tuple[str, str], dict[str, int | None]] = {}
        for labels, part in self.parts(by):
            for metric in self.metrics:
                values = self._values(part, metric)[self.systems].to_numpy(float)
                sign = -1 if lower_is_better(metric, self.provenance) else 1
                for system, rank in zip(self.systems, ranks(sign * values, last), strict=True):
                    found.setdefault((", ".join(labels), system), {})[metric] = rank
        return found

    def behind(self, ours: str, theirs: str, metric: str, count: int) -> pd.DataFrame:
        """The scenes in which `ours` is worse than `theirs`, at most `count`, by how much it is.

        A row per scene: scene, what was drawn for it, the value of each system, their difference, positive or not.
        """
        rows = self.rows[self.rows["metric"] == metric]
        values = rows.pivot(index="scene", columns="system", values="value")
        gap = values[ours] - values[theirs]
        loss = gap if lower_is_better(metric, self.provenance) else -gap
        worst = loss[loss > 0].nlargest(count).index
        drawn = rows.drop(columns=[name for name in SCORES if name != "scene" and name in rows]).drop_duplicates(
            "scene"
        )
        found = pd.DataFrame({ours: values[ours], theirs: values[theirs], "difference": gap}).loc[worst]
        return drawn.set_index("scene").loc[worst].join(found).reset_index()

    def parts(self, by: By = None) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
        """The labels of each condition and the rows that count in it."""
        chosen = [by] if isinstance(by, str) else list(by or ())
        rows = self.rows if "talk" in map(variable, chosen) else self.rows[self._counted()]
        yield from groups(rows, chosen)

    def _counted(self) -> "pd.Series[bool]":
        """The rows that count in a mean over all kinds of talk."""
        near_end = [metric for metric in self.metrics if column(metric, self.provenance).near_end]
        return ~(self.rows["metric"].isin(near_end) & self.rows["talk"].isin(["far_single", "near_single"]))

    def _values(self, part: pd.DataFrame, metric: str) -> pd.DataFrame:
        """Scenes x systems."""
        rows = part[part["metric"] == metric]
        return rows.pivot(index="scene", columns="system", values="value").reindex(columns=self.systems)

    def origin(self, system: str) -> dict[str, Any]:
        """The provenance of the results of one system, which may be of an earlier evaluation than the others."""
        facts = {name: value for name, value in self.provenance.items() if name != EARLIER}
        own: dict[str, Any] = self.provenance.get(EARLIER, {}).get(system, {})
        return facts | own

    def save(self, folder: str | Path) -> None:
        """Write rows.parquet (provenance in its metadata), table.csv and table.md, in place of what is there.

        `aecbench.results.add` keeps the results of other systems instead. Raises OutputError.
        """
        folder = Path(folder)
        new_folder(folder)
        table = pa.Table.from_pandas(self.rows, preserve_index=False)
        note = {b"aecbench": json.dumps(self.provenance).encode()}
        with whole_file(folder / "rows.parquet") as part:
            pq.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), **note}), part)
        for name in ("csv", "md"):
            with whole_file(folder / f"table.{name}") as part:
                part.write_text(formats.FORMATS[name](self, (), None), encoding="utf-8")

    @staticmethod
    def load(path: str | Path) -> "ResultTable":
        """Rows and provenance from a rows.parquet."""
        table = pq.read_table(path)
        return ResultTable(table.to_pandas(), json.loads((table.schema.metadata or {})[b"aecbench"]))

    @staticmethod
    def concat(tables: Sequence["ResultTable"]) -> "ResultTable":
        """Several systems on one corpus as one table."""
        by_system = {
            key: {name: facts for table in tables for name, facts in table.provenance.get(key, {}).items()}
            for key in ("systems", "models")
        }
        rows = pd.concat([table.rows for table in tables], ignore_index=True)
        return ResultTable(rows, tables[0].provenance | by_system)


def _interval(rows: pd.DataFrame) -> Interval:
    values = rows["value"]
    bounds = int((values.notna() & (rows["reason"] != "")).sum())
    return mean_interval(values.to_numpy(float), int(rows["failed"].sum()), bounds)
