"""The outcome of an evaluation: one row per scene, system and metric, and where it all comes from."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from aecbench.errors import AecbenchError, UnknownName
from aecbench.metrics.base import ALONE
from aecbench.output import new_folder, whole_file
from aecbench.results import formats
from aecbench.results.clusters import Clusters, clusters_of, effective
from aecbench.results.columns import RTF, column, lower_is_better, summarised
from aecbench.results.groups import ROW_COLUMNS, groups, variable
from aecbench.results.lost import CEILING, LOST_RULE, Lost, LostRule
from aecbench.results.statistics import Difference, Interval, Ranked, difference, holm, interval, ranks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["EARLIER", "ResultTable"]

EARLIER = "earlier"  # of provenance: facts of the systems that another evaluation has scored

By = str | Sequence[str] | None


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
    Intervals, tests and ranks know which scenes share a talker, a noise or a device, see `aecbench.results.clusters`.
    """

    rows: pd.DataFrame
    provenance: dict[str, Any]
    lost_rule: LostRule = LOST_RULE

    @property
    def systems(self) -> list[str]:
        """In the order they were evaluated."""
        return list(self.rows["system"].unique())

    @property
    def competing(self) -> bool:
        """Whether there are several to rank: the oracle is none of them."""
        return len(set(self.systems) - {CEILING}) > 1

    @property
    def metrics(self) -> list[str]:
        """In the order of the columns."""
        return list(self.rows["metric"].unique())

    @property
    def failed(self) -> pd.DataFrame:
        """The rows that should have a value and have none."""
        return self.rows[self.rows["failed"]]

    def lost(self, by: By = None) -> dict[tuple[str, str], Lost]:
        """(condition, system) -> in how many scenes too much of the near end is gone."""
        if "near_loss" not in self.rows:
            return {}
        lost = {}
        for labels, part in groups(self.rows, _several(by)):
            for system, rows in _shares(part, "system", self.systems):
                losses = rows.drop_duplicates("scene")["near_loss"].dropna()
                lost[", ".join(labels), system] = Lost(int((losses > self.lost_rule.loss).sum()), len(losses))
        return lost

    @property
    def no_echo(self) -> list[str]:
        """The scenes in which far end and microphone do not correlate: nothing can be cancelled in them."""
        if "echo" not in self.rows:
            return []
        return [str(scene) for scene in self.rows.loc[self.rows["echo"] == 0, "scene"].unique()]

    @cached_property
    def destroyed(self) -> dict[str, Lost]:
        """The systems that are marked, since they take too much of the near end away in too many scenes."""
        return {system: lost for (_, system), lost in self.lost().items() if lost.share > self.lost_rule.share}

    @cached_property
    def uneven(self) -> dict[str, dict[str, int]]:
        """The metrics that some systems have in fewer scenes than others, and in how many each has it.

        Their means are not of the same scenes. A system that has a value in none is left out.
        """
        rows = self.rows[self._counted() & self.rows["value"].notna()]
        scenes: dict[str, dict[str, int]] = {}
        for (metric, system), part in rows.groupby(["metric", "system"], sort=False):
            scenes.setdefault(str(metric), {})[str(system)] = len(part)
        return {metric: counts for metric, counts in scenes.items() if len(set(counts.values())) > 1}

    @property
    def effective(self) -> str:
        """How many scenes, and how many talkers, noises and devices behind them."""
        return effective(self.rows.drop_duplicates("scene"))

    def summary(self, by: By = None) -> dict[tuple[str, str], dict[str, Interval]]:
        """(condition, system) -> metric -> interval; the condition is "" without `by`, with several "low, double".

        Raises UnknownName for a condition, AecbenchError where no scene has one.
        """
        systems, metrics = self.systems, self.metrics
        return {
            (", ".join(labels), system): {
                metric: self._interval(own, metric) for metric, own in _shares(rows, "metric", metrics)
            }
            for labels, part in self.parts(by)
            for system, rows in _shares(part, "system", systems)
        }

    def differences(self, reference: str, by: By = None) -> dict[tuple[str, str], dict[str, Difference]]:
        """(condition, system) -> metric -> difference to the system `reference`, scene by scene, in other systems.

        The p-values are corrected (Holm) for all tests in the table, and an interval has the level at which its test
        was made: it excludes 0 where p is below 0.05. RTF, a time and no score, has no p. Raises UnknownName.
        """
        if reference not in self.systems:
            raise UnknownName("system", reference, self.systems)
        others = [system for system in self.systems if system != reference]
        values = {
            (", ".join(labels), system, metric): (x[system].to_numpy(), x[reference].to_numpy(), clusters)
            for labels, part in self.parts(by)
            for metric in self.metrics
            for x, clusters in [self._values(part, metric)]
            for system in others
        }
        summaries = {metric: column(metric, self.provenance).summary for metric in self.metrics}
        raw = [np.nan if key[2] == RTF else difference(*x, summary=summaries[key[2]]).p for key, x in values.items()]
        gaps: dict[tuple[str, str], dict[str, Difference]] = {}
        for (label, system, metric), (p, level) in zip(values, holm(raw), strict=True):
            gap = difference(*values[label, system, metric], level, summaries[metric])
            gaps.setdefault((label, system), {})[metric] = gap._replace(p=p)
        return gaps

    def to_pandas(self, by: By = None, reference: str | None = None) -> pd.DataFrame:
        """A row per condition, system and metric: mean, median, interval (low, high), n, failed, rank.

        `summary` says whether the interval belongs to the mean or to the median.

        With `reference`, also the difference to that system and what `differences` says of it.
        """
        return formats.long(self, _several(by), reference)

    def best(self, metric: str | None = None) -> str:
        """Return the system with the best mean or median of a metric, by default the first one of the table.

        The oracle does not compete, nor, beside others, a system that removes too much of the near end. Raises
        UnknownName for a metric, AecbenchError where no system has a value.
        """
        metric = self.metrics[0] if metric is None else metric
        if metric not in self.metrics:
            raise UnknownName("metric", metric, self.metrics)
        sign = 1 if lower_is_better(metric, self.provenance) else -1
        values = {system: sign * cells[metric].value for (_, system), cells in self.summary().items()}
        rivals = [system for system in values if system != CEILING and not np.isnan(values[system])]
        if not rivals:
            raise AecbenchError(f"no system has a value of {metric}; choose one of {', '.join(self.metrics)}")
        return min(rivals, key=lambda system: (system in self.destroyed, values[system]))

    def in_order(self, systems: Sequence[str]) -> "ResultTable":
        """Return the table with its systems in another order."""
        rows = pd.concat([self.rows[self.rows["system"] == system] for system in systems], ignore_index=True)
        return ResultTable(rows, self.provenance, self.lost_rule)

    def plot(self) -> "Figure":
        """Draw a panel per metric: the mean or median of each system with its 95 % interval."""
        from aecbench.results.figure import result_figure

        return result_figure(self)

    def __repr__(self) -> str:
        """Say in one line what the table is of."""
        corpus = self.provenance.get("corpus", {})
        origin = f" of corpus {corpus['id'][:12]}, split {corpus['split']}" if corpus else ""
        scenes = self.rows["scene"].nunique()
        return f"<ResultTable: {', '.join(self.systems)} by {', '.join(self.metrics)} on {scenes} scenes{origin}>"

    def __str__(self) -> str:
        """Return the table in Markdown."""
        return str(formats.FORMATS["md"](self, (), None))

    def _repr_html_(self) -> str:
        """Return the table for notebooks, with how many scenes it is of."""
        summary = summarised(self.metrics, self.provenance)
        return f"{formats.FORMATS['html'](self, (), None)}<p>{self.effective}; {summary} ± 95 % interval</p>"

    def ranks(self, by: By = None) -> dict[tuple[str, str], dict[str, int | None]]:
        """(condition, system) -> metric -> rank, shared by systems that cannot be told apart; None without a value.

        None too for RTF, for the oracle, which is told the echo, and where there are too few scenes or talkers to tell
        anything. A system that takes the near end away too often ranks behind all that do not.
        """
        return self._ranked(_several(by)) if by else self._overall

    @cached_property
    def _overall(self) -> dict[tuple[str, str], dict[str, int | None]]:
        """The ranks without a condition: a test for each pair of systems in each column."""
        return self._ranked([])

    def _ranked(self, by: Sequence[str]) -> dict[tuple[str, str], dict[str, int | None]]:
        systems = [system for system in self.systems if system != CEILING]
        keys, columns = [], []
        for labels, part in self.parts(by):
            for metric in self.metrics:
                values, clusters = self._values(part, metric)
                sign = -1 if lower_is_better(metric, self.provenance) else 1
                keys.append((", ".join(labels), metric))
                summary = column(metric, self.provenance).summary
                columns.append(Ranked(sign * values[systems].to_numpy(float), clusters, summary))
        scores = [n for n, (_, metric) in enumerate(keys) if metric != RTF]
        ranked = ranks([columns[n] for n in scores], [system in self.destroyed for system in systems])
        by_system = {(label, system): dict.fromkeys(self.metrics) for label, _ in keys for system in self.systems}
        for n, row in zip(scores, ranked, strict=True):
            for system, rank in zip(systems, row, strict=True):
                by_system[keys[n][0], system][keys[n][1]] = rank
        return by_system

    def behind(self, ours: str, theirs: str, metric: str, count: int) -> pd.DataFrame:
        """The scenes in which `ours` is worse than `theirs`, at most `count`, by how much it is.

        A row per scene: scene, what was drawn for it, the value of each system, their difference, positive or not.
        """
        rows = self.rows[self.rows["metric"] == metric]
        values = rows.pivot(index="scene", columns="system", values="value")
        gap = values[ours] - values[theirs]
        loss = gap if lower_is_better(metric, self.provenance) else -gap
        worst = loss[loss > 0].nlargest(count).index
        drawn = rows.drop(columns=[name for name in ROW_COLUMNS if name != "scene" and name in rows]).drop_duplicates(
            "scene"
        )
        pairs = pd.DataFrame({ours: values[ours], theirs: values[theirs], "difference": gap}).loc[worst]
        return drawn.set_index("scene").loc[worst].join(pairs).reset_index()

    def parts(self, by: By = None) -> Iterator[tuple[tuple[str, ...], pd.DataFrame]]:
        """The labels of each condition and the rows that count in it."""
        chosen = _several(by)
        rows = self.rows if "talk" in map(variable, chosen) else self.rows[self._counted()]
        yield from groups(rows, chosen)

    def _counted(self) -> "pd.Series[bool]":
        """The rows that count in a mean over all kinds of talk."""
        near_end = [metric for metric in self.metrics if column(metric, self.provenance).near_end]
        return ~(self.rows["metric"].isin(near_end) & self.rows["talk"].isin(ALONE))

    def _interval(self, own: pd.DataFrame, metric: str) -> Interval:
        """Summarise the rows of one system and one metric."""
        values, failed = own["value"], int(own["failed"].sum())
        bounds = int((values.notna() & (own["reason"] != "")).sum())
        return interval(
            values.to_numpy(float), failed, bounds, clusters_of(own), column(metric, self.provenance).summary
        )

    def _values(self, part: pd.DataFrame, metric: str) -> tuple[pd.DataFrame, Clusters]:
        """Scenes x systems, without the scenes in which no system has a value; and the clusters of the scenes."""
        rows = part[(part["metric"] == metric) & part["value"].notna()]
        values = rows.pivot(index="scene", columns="system", values="value").reindex(columns=self.systems)
        return values, clusters_of(rows.drop_duplicates("scene").set_index("scene").loc[values.index])

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
        """Rows and provenance from a rows.parquet. Raises AecbenchError where it is missing or holds other things."""
        try:
            table = pq.read_table(path)
            return ResultTable(table.to_pandas(), dict(json.loads((table.schema.metadata or {})[b"aecbench"])))
        except FileNotFoundError:
            raise AecbenchError(f"{path}: no such file; expected the results of aecbench eval") from None
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
            raise AecbenchError(f"{path}: holds no results ({error}); expected those of aecbench eval") from None

    @staticmethod
    def concat(tables: Sequence["ResultTable"]) -> "ResultTable":
        """Several systems on one corpus as one table."""
        by_system = {
            key: {name: facts for table in tables for name, facts in table.provenance.get(key, {}).items()}
            for key in ("systems", "models")
        }
        rows = pd.concat([table.rows for table in tables], ignore_index=True)
        return ResultTable(rows, tables[0].provenance | by_system)


def _shares(rows: pd.DataFrame, by: str, names: Sequence[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each of some values of a column with its share of the rows, which may be empty."""
    shares = dict(list(rows.groupby(by, sort=False)))
    yield from ((name, shares.get(name, rows.iloc[:0])) for name in names)


def _several(by: By) -> list[str]:
    return [by] if isinstance(by, str) else list(by or ())
