"""The outcome of an evaluation: one row per scene, system and metric, with provenance."""

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
from pandas.api.types import is_bool_dtype, is_numeric_dtype, is_string_dtype

from aecbench.errors import AecbenchError, UnknownName
from aecbench.metrics.base import ALONE
from aecbench.output import new_folder, whole_file
from aecbench.results import formats
from aecbench.results.clusters import Clusters, clusters_of, effective
from aecbench.results.columns import COLUMNS, RTF, column, lower_is_better, summarised
from aecbench.results.groups import ROW_COLUMNS, groups, variable
from aecbench.results.lost import CEILING, LOST_RULE, Lost, LostRule
from aecbench.results.statistics import Difference, Interval, Ranked, difference, holm, interval, ranks

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["EARLIER", "ROWS", "ResultTable"]

ROWS = "rows.parquet"  # file of a saved table
EARLIER = "earlier"  # key in the provenance: facts about systems that were scored by an earlier evaluation

TABLES = ("corpus", "systems", "models", "metrics", COLUMNS, EARLIER)  # facts of the provenance with facts in them
TYPES = {
    **dict.fromkeys(("scene", "system", "metric", "reason"), is_string_dtype),
    **dict.fromkeys(("value", "near_loss", "echo"), is_numeric_dtype),
    "failed": is_bool_dtype,
}

By = str | Sequence[str] | None


@dataclass(frozen=True)
class ResultTable:
    """Rows with the columns scene, system, metric, value, reason, failed, near_loss, echo and the scene's variables.

    near_loss is the attenuation of the near end in dB, or NaN if it does not talk or is unknown. echo is 1 if far end
    and microphone correlate, 0 if they do not, and NaN if the far end is silent or too short. `provenance` contains
    corpus (id, digest, split, scenes), systems (hash, parameters), models (names or paths for loading the systems),
    metrics (their versions), columns (their titles, units and directions), versions, commit, machine and command. For
    systems of an earlier evaluation, it contains these facts in `earlier`, by system; see `origin`.

    For tables by condition, `by` lists names of columns, or "NAME=EDGE,EDGE,..." for bins of numbers. Metrics of the
    near end that are valid in double talk are averaged over the scenes in which both ends talk: most systems leave a
    near end that talks alone unchanged, so those scenes would say little about them. `by` "talk" includes them.
    Intervals, tests and ranks account for scenes that share a talker, a noise or a device, see
    `aecbench.results.clusters`.
    """

    rows: pd.DataFrame
    provenance: dict[str, Any]
    lost_rule: LostRule = LOST_RULE

    @cached_property
    def systems(self) -> list[str]:
        """Names of the systems, in the order of their evaluation."""
        return list(self.rows["system"].unique())

    @property
    def competing(self) -> bool:
        """Whether there are several systems to rank, not counting the oracle."""
        return len(set(self.systems) - {CEILING}) > 1

    @cached_property
    def metrics(self) -> list[str]:
        """Names of the metrics, in the order of the columns."""
        return list(self.rows["metric"].unique())

    @property
    def failed(self) -> pd.DataFrame:
        """The rows that should have a value but do not."""
        return self.rows[self.rows["failed"]]

    def failures(self, by: By = None) -> dict[tuple[str, str], int]:
        """Return (condition, system) -> the number of failed values, including those that count in no mean."""
        return {
            (", ".join(labels), system): int(rows["failed"].sum())
            for labels, part in groups(self.rows, _several(by))
            for system, rows in _shares(part, "system", self.systems)
        }

    def lost(self, by: By = None) -> dict[tuple[str, str], Lost]:
        """Return (condition, system) -> the number of scenes in which too much of the near end is removed."""
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
        """The scenes in which far end and microphone do not correlate, so that there is no echo to cancel."""
        if "echo" not in self.rows:
            return []
        return [str(scene) for scene in self.rows.loc[self.rows["echo"] == 0, "scene"].unique()]

    @cached_property
    def destroyed(self) -> dict[str, Lost]:
        """The systems that are marked because they remove too much of the near end in too many scenes."""
        return {system: lost for (_, system), lost in self.lost().items() if lost.share > self.lost_rule.share}

    @cached_property
    def uneven(self) -> dict[str, dict[str, int]]:
        """The metrics that are defined in fewer scenes for some systems, as metric -> system -> number of scenes.

        Their means are over different scenes. Systems without any value are left out.
        """
        rows = self.rows[self._counted() & self.rows["value"].notna()]
        scenes: dict[str, dict[str, int]] = {}
        for (metric, system), part in rows.groupby(["metric", "system"], sort=False):
            scenes.setdefault(str(metric), {})[str(system)] = len(part)
        return {metric: counts for metric, counts in scenes.items() if len(set(counts.values())) > 1}

    @cached_property
    def undefined(self) -> list[str]:
        """The metrics that are undefined in every scene for every system, as reconvergence where no path changes."""
        rows = self.rows[self.rows["value"].notna() | self.rows["failed"].astype(bool)]
        defined = set(rows["metric"])
        return [metric for metric in self.metrics if metric not in defined]

    @property
    def effective(self) -> str:
        """A description of the number of scenes and of their talkers, noises and devices."""
        return effective(self.rows.drop_duplicates("scene"))

    def summary(
        self, by: By = None, metrics: Sequence[str] | None = None
    ) -> dict[tuple[str, str], dict[str, Interval]]:
        """Return (condition, system) -> metric -> interval, for all metrics or only for these.

        The condition is "" without `by`, and the labels are joined as in "low, double" if there are several. Raises
        UnknownName for an unknown condition, AecbenchError if it is unknown for all scenes.
        """
        systems, chosen = self.systems, self.metrics if metrics is None else metrics
        none = {metric: interval([], summary=column(metric, self.provenance).summary) for metric in chosen}
        cells = {}
        for labels, part in self.parts(by):
            intervals = self._intervals(part if metrics is None else part[part["metric"].isin(metrics)])
            for system in systems:
                own = {metric: intervals.get((metric, system), none[metric]) for metric in chosen}
                cells[", ".join(labels), system] = own
        return cells

    def differences(self, reference: str, by: By = None) -> dict[tuple[str, str], dict[str, Difference]]:
        """Return (condition, system) -> metric -> paired difference to the system `reference`, for all other systems.

        The p-values are corrected (Holm) for all tests in the table, and the level of an interval is the one of its
        test, so it excludes 0 if p is below 0.05. RTF is a time and not a score, and has no p. Raises UnknownName.
        """
        if reference not in self.systems:
            raise UnknownName("system", reference, self.systems)
        others = [system for system in self.systems if system != reference]
        values = {
            (", ".join(labels), system, metric): (x[system].to_numpy(), x[reference].to_numpy(), clusters)
            for labels, part in self.parts(by)
            for metric, x, clusters in self._columns(part)
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
        """Return a row per condition, system and metric: mean, median, interval (low, high), n, failed, rank.

        The column `summary` says whether the interval belongs to the mean or to the median. With `reference`, there are
        also columns with the results of `differences`.
        """
        return formats.long(self, _several(by), reference)

    def best(self, metric: str | None = None) -> str:
        """Return the system with the best mean or median of a metric, by default the first one of the table.

        The oracle does not compete. A system that removes too much of the near end is only chosen if there is no other.
        Raises UnknownName for an unknown metric, AecbenchError if no system has a value.
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
        """Return a one-line description of the table."""
        corpus = self.provenance.get("corpus", {})
        origin = f" of corpus {corpus['id'][:12]}, split {corpus['split']}" if corpus else ""
        scenes = self.rows["scene"].nunique()
        return f"<ResultTable: {', '.join(self.systems)} by {', '.join(self.metrics)} on {scenes} scenes{origin}>"

    def __str__(self) -> str:
        """Return the table in Markdown."""
        return str(formats.FORMATS["md"](self, (), None))

    def _repr_html_(self) -> str:
        """Return the table in HTML for notebooks, with the number of scenes."""
        summary = summarised(self.metrics, self.provenance)
        return f"{formats.FORMATS['html'](self, (), None)}<p>{self.effective}; {summary} ± 95 % interval</p>"

    def ranks(self, by: By = None) -> dict[tuple[str, str], dict[str, int | None]]:
        """Return (condition, system) -> metric -> rank.

        Systems whose differences are not significant may share a rank. A rank is None for a system without a value, for
        RTF, for the oracle, which receives the true echo, and if there are too few scenes, talkers or devices for
        tests. Systems that remove the near end too often rank behind all others.
        """
        return self._ranked(_several(by)) if by else self._overall

    @cached_property
    def _overall(self) -> dict[tuple[str, str], dict[str, int | None]]:
        """The ranks over all conditions, from a test for each pair of systems in each column."""
        return self._ranked([])

    def _ranked(self, by: Sequence[str]) -> dict[tuple[str, str], dict[str, int | None]]:
        systems = [system for system in self.systems if system != CEILING]
        keys, columns = [], []
        for labels, part in self.parts(by):
            for metric, values, clusters in self._columns(part):
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
        """Return at most `count` scenes in which `ours` is worse than `theirs`, the worst first.

        A row per scene: the scene, its variables, the value of each system, and their signed difference.
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
        """Yield the labels of each condition and the rows that count in it."""
        chosen = _several(by)
        rows = self.rows if "talk" in map(variable, chosen) else self.rows[self._counted()]
        yield from groups(rows, chosen)

    def _counted(self) -> "pd.Series[bool]":
        """Return which rows count in a mean over all kinds of talk."""
        near_end = [metric for metric in self.metrics if column(metric, self.provenance).near_end]
        return ~(self.rows["metric"].isin(near_end) & self.rows["talk"].isin(ALONE))

    def _intervals(self, part: pd.DataFrame) -> dict[tuple[str, str], Interval]:
        """Summarise the rows of a condition: (metric, system) -> interval."""
        values, clusters = _pivoted(part)
        flags = part[["metric", "system"]].assign(
            failed=part["failed"].astype(int), bound=part["value"].notna() & (part["reason"] != "")
        )
        counts = flags.groupby(["metric", "system"]).sum().loc[values.columns]
        return {
            (metric, system): interval(x, int(failed), int(bounds), clusters, column(metric, self.provenance).summary)
            for ((metric, system), failed, bounds), x in zip(counts.itertuples(), values.to_numpy(float).T, strict=True)
        }

    def _columns(self, part: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame, Clusters]]:
        """Yield each metric, its values, scenes x systems, and the clusters of these scenes.

        Scenes in which no system has a value are left out.
        """
        values, clusters = _pivoted(part)
        for metric in self.metrics:
            columns = [(metric, system) for system in self.systems]
            x = values.reindex(columns=columns).set_axis(self.systems, axis=1)
            defined = x.notna().any(axis=1).to_numpy()
            yield metric, x[defined], clusters.at(defined)

    def origin(self, system: str) -> dict[str, Any]:
        """Return the provenance of one system's results, which may stem from an earlier evaluation than others."""
        facts = {name: value for name, value in self.provenance.items() if name != EARLIER}
        own: dict[str, Any] = self.provenance.get(EARLIER, {}).get(system, {})
        return facts | own

    def save(self, folder: str | Path) -> None:
        """Write rows.parquet (with the provenance in its metadata), table.csv and table.md, replacing existing files.

        `aecbench.results.add` keeps the results of other systems instead. Raises OutputError.
        """
        folder = Path(folder)
        new_folder(folder)
        table = pa.Table.from_pandas(self.rows, preserve_index=False)
        note = {b"aecbench": json.dumps(self.provenance).encode()}
        # by path, pyarrow takes only names in UTF-8
        with whole_file(folder / ROWS) as part, part.open("wb") as file:
            pq.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), **note}), file)
        for name in ("csv", "md"):
            with whole_file(folder / f"table.{name}") as part:
                part.write_text(formats.FORMATS[name](self, (), None), encoding="utf-8")

    @staticmethod
    def load(path: str | Path) -> "ResultTable":
        """Load rows and provenance from a rows.parquet.

        Raises AecbenchError if the file is missing or contains no results.
        """
        try:
            with Path(path).open("rb") as file:
                table = pq.read_table(file)
            results = ResultTable(table.to_pandas(), dict(json.loads((table.schema.metadata or {})[b"aecbench"])))
            _check_types(results)
            return results
        except FileNotFoundError:
            raise AecbenchError(f"{path}: no such file; expected the results of aecbench eval") from None
        except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
            raise AecbenchError(f"{path}: contains no results ({error}); expected those of aecbench eval") from None

    @staticmethod
    def concat(tables: Sequence["ResultTable"]) -> "ResultTable":
        """Concatenate tables of different systems on the same corpus."""
        by_system = {
            key: {name: facts for table in tables for name, facts in table.provenance.get(key, {}).items()}
            for key in ("systems", "models")
        }
        rows = pd.concat([table.rows for table in tables], ignore_index=True)
        return ResultTable(rows, tables[0].provenance | by_system)


def _check_types(table: ResultTable) -> None:
    """Raise TypeError unless the columns and the facts that there are have the types that later code relies on."""
    for name in TABLES:
        if not isinstance(table.provenance.get(name, {}), dict):
            raise TypeError(f"{name} in its metadata is {table.provenance[name]!r}, not a table")
    for name, facts in table.provenance.get(EARLIER, {}).items():
        if not isinstance(facts, dict):
            raise TypeError(f"{EARLIER}.{name} in its metadata is {facts!r}, not a table")
    for name, is_type in TYPES.items():
        if len(table.rows) and name in table.rows and not is_type(table.rows[name].dropna()):
            raise TypeError(f"its column {name} is of type {table.rows[name].dtype}")
        if is_type is is_string_dtype and name in table.rows and table.rows[name].isna().any():
            raise TypeError(f"its column {name} has empty cells")


def _pivoted(part: pd.DataFrame) -> tuple[pd.DataFrame, Clusters]:
    """Return the values of a condition, scenes x (metric, system), and the clusters of the scenes."""
    values = part.pivot(index="scene", columns=["metric", "system"], values="value")
    return values, clusters_of(part.drop_duplicates("scene").set_index("scene").loc[values.index])


def _shares(rows: pd.DataFrame, by: str, names: Sequence[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each of `names` and the rows with this value in the column `by`, which may be none."""
    shares = dict(list(rows.groupby(by, sort=False)))
    yield from ((name, shares.get(name, rows.iloc[:0])) for name in names)


def _several(by: By) -> list[str]:
    return [by] if isinstance(by, str) else list(by or ())
