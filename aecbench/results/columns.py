"""Columns of results: their titles and units, and whether higher is better.

Results store these facts in their provenance, so that a saved table with user-defined metrics can be read without the
code of these metrics.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from aecbench.metrics import METRICS, Metric
from aecbench.results.estimates import Summary

__all__ = ["COLUMNS", "RTF", "Column", "column", "columns_of", "heading", "headings", "lower_is_better", "summarised"]

RTF = "rtf"  # real-time factor: seconds of processor time per second of audio, on one core
COLUMNS = "columns"  # key in the provenance


class Column(NamedTuple):
    """The facts about a metric that results store."""

    title: str
    unit: str
    better: Literal["higher", "lower"]
    near_end: bool = False  # whether it assesses the near end both in double talk and in near-end single talk
    summary: Summary = "mean"  # how a table summarises the values of all scenes

    @property
    def heading(self) -> str:
        """Title and unit, for example "ERLE [dB]"."""
        return f"{self.title} [{self.unit}]" if self.unit else self.title

    @staticmethod
    def of(metric: Metric) -> "Column":
        """Return the column of a metric."""
        return Column(metric.title, metric.unit, metric.better, metric.near_end, metric.summary)


def columns_of(metrics: Mapping[str, Metric]) -> dict[str, Any]:
    """Return the facts about metrics that the provenance of results contains."""
    return {COLUMNS: {name: Column.of(metric)._asdict() for name, metric in metrics.items()}}


def column(metric: str, provenance: Mapping[str, Any]) -> Column:
    """Return the column of a metric, from the results or else from METRICS; for unknown metrics, higher is better."""
    if metric in provenance.get(COLUMNS, {}):
        return Column(**provenance[COLUMNS][metric])
    if metric in METRICS:
        return Column.of(METRICS[metric])
    return Column(metric.upper(), "", "lower" if metric == RTF else "higher")


def heading(metric: str, provenance: Mapping[str, Any] | None = None) -> str:
    """Return the heading of a column, for example "ERLE [dB]"."""
    return column(metric, provenance or {}).heading


def headings(metrics: Sequence[str], provenance: Mapping[str, Any]) -> dict[str, str]:
    """Return the headings of all columns of a table; if two metrics have the same title, their names are added.

    >>> headings(["erle", "mine:ERLE"], {"columns": {"mine:ERLE": {"title": "ERLE", "unit": "dB", "better": "higher"}}})
    {'erle': 'ERLE (erle) [dB]', 'mine:ERLE': 'ERLE (mine:ERLE) [dB]'}
    """
    columns = {metric: column(metric, provenance) for metric in metrics}
    count = Counter(entry.title for entry in columns.values())
    return {
        metric: (entry if count[entry.title] == 1 else entry._replace(title=f"{entry.title} ({metric})")).heading
        for metric, entry in columns.items()
    }


def lower_is_better(metric: str, provenance: Mapping[str, Any]) -> bool:
    """Return whether the lowest value of a column is the best."""
    return column(metric, provenance).better == "lower"


def summarised(metrics: Sequence[str], provenance: Mapping[str, Any]) -> str:
    """Describe the cells of a table: "mean over the scenes", and which columns contain medians instead.

    >>> summarised(["erle", "level", "near_attenuation"], {})
    'mean over the scenes (median of Level and NE att.)'
    >>> summarised(["erle"], {})
    'mean over the scenes'
    """
    columns = [column(metric, provenance) for metric in metrics]
    titles = [entry.title for entry in columns if entry.summary == "median"]
    medians = " and ".join(filter(None, (", ".join(titles[:-1]), *titles[-1:])))
    return f"mean over the scenes (median of {medians})" if titles else "mean over the scenes"
