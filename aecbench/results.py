"""The outcome of an evaluation: one row per scene, system and metric, and where it all comes from."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.stats import bootstrap

from aecbench.errors import AecbenchError, UnknownName
from aecbench.metrics import METRICS
from aecbench.output import new_folder, whole_file
from aecbench.scenes.conditions import CONDITIONS
from aecbench.signals import Talk

__all__ = ["RTF", "Interval", "ResultTable", "cell", "heading", "mean_interval"]

BINS = 4  # numbers that take more values than this are binned
RESAMPLES = 2000
RTF = "rtf"  # real-time factor: seconds of processor time per second of audio, on one core


class Interval(NamedTuple):
    """A mean over scenes with its 95 % bootstrap interval, and how many scenes stand behind it."""

    mean: float
    low: float
    high: float
    n: int  # scenes in which the metric is defined
    failed: int  # scenes in which it should be, but is not


def mean_interval(values: Sequence[float], failed: int = 0) -> Interval:
    """Mean of the values that are not NaN, with the percentile bootstrap interval (Efron 1979), seeded.

    >>> mean_interval([2.0, 2.0, float("nan")])
    Interval(mean=2.0, low=2.0, high=2.0, n=2, failed=0)
    """
    x = np.asarray(values, float)
    x = x[~np.isnan(x)]
    if x.size == 0:
        return Interval(np.nan, np.nan, np.nan, 0, failed)
    if x.size == 1 or not np.isfinite(x).all() or np.ptp(x) == 0:
        return Interval(float(x.mean()), float(x.mean()), float(x.mean()), x.size, failed)
    found = bootstrap((x,), np.mean, n_resamples=RESAMPLES, method="percentile", rng=np.random.default_rng(0))
    low, high = found.confidence_interval
    return Interval(float(x.mean()), float(low), float(high), x.size, failed)


@dataclass(frozen=True)
class ResultTable:
    """Rows with the columns scene, system, metric, value, reason, failed and the conditions of the scene.

    `provenance` tells corpus (id, digest, split, scenes), systems (hash, parameters), versions, commit, machine and
    command.
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

    def summary(self, by: str | None = None) -> dict[tuple[str, str], dict[str, Interval]]:
        """(condition, system) -> metric -> interval; the condition is "" without `by`, a row of CONDITIONS.

        Metrics that are valid in double talk are averaged over the scenes in which both ends talk: alone, the near end
        comes through most systems untouched, and would say little about them. `by` "talk" shows it.
        """
        groups = pd.Series("", self.rows.index, dtype=object) if by is None else self._groups(by)
        if by != "talk":
            groups = groups.where(self._counted())
        table: dict[tuple[str, str], dict[str, Interval]] = {}
        for condition in sorted(groups.dropna().unique(), key=_natural):
            for system in self.systems:
                rows = self.rows[(groups == condition) & (self.rows["system"] == system)]
                table[str(condition), system] = {
                    metric: mean_interval(part["value"].tolist(), int(part["failed"].sum()))
                    for metric, part in ((m, rows[rows["metric"] == m]) for m in self.metrics)
                }
        return table

    def _counted(self) -> "pd.Series[bool]":
        """The rows that count in a mean over all kinds of talk."""
        near_end = [name for name, metric in METRICS.items() if Talk.DOUBLE in metric.talk]
        return ~(self.rows["metric"].isin(near_end) & self.rows["talk"].isin(["far_single", "near_single"]))

    def _groups(self, by: str) -> "pd.Series[Any]":
        if by not in CONDITIONS:
            raise UnknownName("condition", by, CONDITIONS)
        values = self.rows[by]
        if values.dropna().empty:
            raise AecbenchError(f"no scene of this corpus has a {by}; choose another --by")
        if not pd.api.types.is_numeric_dtype(values) or values.nunique() <= BINS:
            return values.map(lambda value: value if pd.isna(value) or isinstance(value, str) else f"{value:g}")
        edges = _edges(float(values.min()), float(values.max()))
        labels = [f"{low:g} … {high:g}" for low, high in pairwise(edges)]
        return pd.cut(values, edges, labels=labels, include_lowest=True).astype(object)

    def save(self, folder: Path) -> None:
        """Write rows.parquet (provenance in its metadata), table.csv and table.md. Raises OutputError."""
        new_folder(folder)
        table = pa.Table.from_pandas(self.rows, preserve_index=False)
        note = {b"aecbench": json.dumps(self.provenance).encode()}
        with whole_file(folder / "rows.parquet") as part:
            pq.write_table(table.replace_schema_metadata({**(table.schema.metadata or {}), **note}), part)
        for name, text in (("table.csv", self.to_csv()), ("table.md", self.to_markdown())):
            with whole_file(folder / name) as part:
                part.write_text(text)

    @staticmethod
    def load(path: Path) -> "ResultTable":
        """Rows and provenance from a rows.parquet."""
        table = pq.read_table(path)
        return ResultTable(table.to_pandas(), json.loads((table.schema.metadata or {})[b"aecbench"]))

    @staticmethod
    def concat(tables: Sequence["ResultTable"]) -> "ResultTable":
        """Several systems on one corpus as one table."""
        systems = {name: facts for table in tables for name, facts in table.provenance["systems"].items()}
        rows = pd.concat([table.rows for table in tables], ignore_index=True)
        return ResultTable(rows, tables[0].provenance | {"systems": systems})

    def to_csv(self) -> str:
        """One line per system and metric: mean, ends of the interval, counts."""
        lines = [
            {"system": system, "metric": metric, **interval._asdict()}
            for (_, system), intervals in self.summary().items()
            for metric, interval in intervals.items()
        ]
        return pd.DataFrame(lines).to_csv(index=False)

    def to_markdown(self) -> str:
        """One row per system, one column per metric, mean ± half of the 95 % interval."""
        body = [
            [system, *(cell(m, i) for m, i in intervals.items())] for (_, system), intervals in self.summary().items()
        ]
        return "".join(
            _markdown_row(cells)
            for cells in [["system", *map(heading, self.metrics)], ["---"] * (len(self.metrics) + 1), *body]
        )


def cell(metric: str, interval: Interval) -> str:
    """A mean as "12.34 ±0.56", with the wider half of its interval; "-" when no scene counts.

    >>> cell("erle", Interval(12.342, 11.9, 12.9, 20, 0)), cell("rtf", Interval(0.00321, 0.003, 0.0035, 20, 0))
    ('12.34 ±0.56', '0.0032')
    """
    if not interval.n:
        return "-"
    if metric == RTF:
        return f"{interval.mean:.4f}"
    mean = round(interval.mean, 2) + 0.0  # no "-0.00"
    return f"{mean:.2f} ±{max(interval.high - interval.mean, interval.mean - interval.low):.2f}"


def heading(metric: str) -> str:
    """The column heading of a metric: "ERLE [dB]"."""
    if metric not in METRICS:
        return metric.upper()
    known = METRICS[metric]
    return f"{known.title} [{known.unit}]" if known.unit else known.title


def _markdown_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def _edges(low: float, high: float) -> list[float]:
    """At most BINS + 1 round numbers from below `low` to above `high`."""
    from matplotlib.ticker import MaxNLocator

    return [float(f"{edge:.6g}") for edge in MaxNLocator(BINS).tick_values(low, high)]


def _natural(label: Any) -> tuple[float, str]:
    """Numbers by size, before words."""
    try:
        return float(str(label).split(" ")[0]), ""
    except ValueError:
        return np.inf, str(label)
