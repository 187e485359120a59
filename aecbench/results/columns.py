"""A column of results: what it is called, its unit, and whether higher is better. The results themselves say so.

They carry these facts in their provenance, so that a saved table of somebody's own metrics can be read without them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from aecbench.metrics import METRICS, Metric
from aecbench.results.estimates import Summary

__all__ = ["RTF", "Column", "column", "columns_of", "heading", "headings", "lower_is_better", "summarised"]

RTF = "rtf"  # real-time factor: seconds of processor time per second of audio, on one core
COLUMNS = "columns"  # of the provenance


class Column(NamedTuple):
    """The facts about a metric that can be read without its code."""

    title: str
    unit: str
    better: Literal["higher", "lower"]
    near_end: bool = False  # whether it is valid while the near end talks, alone and in double talk
    summary: Summary = "mean"  # what a table shows of the values of all scenes

    @property
    def heading(self) -> str:
        """Title and unit: "ERLE [dB]"."""
        return f"{self.title} [{self.unit}]" if self.unit else self.title

    @staticmethod
    def of(metric: Metric) -> "Column":
        """The column of a metric."""
        return Column(metric.title, metric.unit, metric.better, metric.near_end, metric.summary)


def columns_of(metrics: Mapping[str, Metric]) -> dict[str, Any]:
    """Return the facts about metrics that the provenance of results holds."""
    return {COLUMNS: {name: Column.of(metric)._asdict() for name, metric in metrics.items()}}


def column(metric: str, provenance: Mapping[str, Any]) -> Column:
    """The column of a metric as the results say, else as the table METRICS does; of an unknown one higher is better."""
    if metric in provenance.get(COLUMNS, {}):
        return Column(**provenance[COLUMNS][metric])
    if metric in METRICS:
        return Column.of(METRICS[metric])
    return Column(metric.upper(), "", "lower" if metric == RTF else "higher")


def heading(metric: str, provenance: Mapping[str, Any] | None = None) -> str:
    """The heading of a column: "ERLE [dB]"."""
    return column(metric, provenance or {}).heading


def headings(metrics: Sequence[str], provenance: Mapping[str, Any]) -> dict[str, str]:
    """The headings of all columns of a table; where two metrics have the same, their names are added.

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
    """Whether the lowest value of a column is the best."""
    return column(metric, provenance).better == "lower"


def summarised(metrics: Sequence[str], provenance: Mapping[str, Any]) -> str:
    """Say what the cells of a table are: "mean over the scenes", and which columns hold medians instead.

    >>> summarised(["erle", "level", "near_attenuation"], {})
    'mean over the scenes (median of Level and NE att.)'
    >>> summarised(["erle"], {})
    'mean over the scenes'
    """
    columns = [column(metric, provenance) for metric in metrics]
    titles = [entry.title for entry in columns if entry.summary == "median"]
    medians = " and ".join(filter(None, (", ".join(titles[:-1]), *titles[-1:])))
    return f"mean over the scenes (median of {medians})" if titles else "mean over the scenes"
