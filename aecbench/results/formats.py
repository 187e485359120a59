"""Result tables as text: one line per mean or median for programs, one row per system for readers."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from aecbench.results.columns import RTF, headings, lower_is_better, summarised
from aecbench.results.groups import variable
from aecbench.results.latex import latex
from aecbench.results.lost import CEILING, LOST, MARK, Lost
from aecbench.results.statistics import LEVEL, Difference, Interval

if TYPE_CHECKING:
    from aecbench.results.table import ResultTable

__all__ = [
    "FORMATS",
    "cell",
    "difference_cell",
    "frame_text",
    "long",
    "lost_cell",
    "result_json",
    "wide",
]

HALF = "the wider half of the"
WIDEST = 1000.0  # an interval of two talkers may be wider than any difference that is possible, and is not shown
BOLD = "bold: rank 1, or the best value if there are too few scenes for ranks; the oracle does not compete"
STAR = f"*: p < {LEVEL:g} (clustered test, Holm-corrected for the table)"


def cell(metric: str, interval: Interval, count: bool = False) -> str:
    """Format a mean or a median as "12.34 ±0.56", with the wider half of its interval; "-" if no scene counts.

    With `count`, the number of scenes is added. The mean of a single scene has no interval, and one that says nothing,
    because there are two talkers, noises or devices, is left out.

    >>> cell("erle", Interval(12.342, 11.9, 12.9, 20, 0)), cell("rtf", Interval(0.00321, 0.003, 0.0035, 20, 0))
    ('12.34 ±0.56', '0.0032')
    >>> cell("erle", Interval(12.342, -np.inf, np.inf, 1, 0), count=True)
    '12.34 n=1'
    >>> cell("erle", Interval(12.342, -7000.0, 7024.7, 8, 0))
    '12.34'
    """
    if not interval.n:
        return "-"
    if metric == RTF:
        return f"{interval.value:.4f}"
    value = round(interval.value, 2) + 0.0  # no "-0.00"
    least = "≥ " if interval.bounds else ""
    return f"{least}{value:.2f}{_half(interval)}{f' n={interval.n}' if count else ''}"


def lost_cell(lost: Lost | None) -> str:
    """Format the share of scenes in which too much of the near end is removed; "-" if it talks in none.

    >>> lost_cell(Lost(3, 40)), lost_cell(Lost(0, 0))
    ('7.5 %', '-')
    """
    return f"{100 * lost.share:.1f} %" if lost is not None and lost.scenes else "-"


def difference_cell(metric: str, gap: Difference) -> str:
    """Format a difference as "+1.23 ±0.45 *", with a star if 0 is outside the interval; "-" if no scene counts.

    >>> difference_cell("erle", Difference(-1.23, -1.5, -1.0, 20, 0.01, 2, 18))
    '-1.23 ±0.27 *'
    """
    if not gap.n:
        return "-"
    if metric == RTF:
        return f"{gap.value:+.4f}"
    return f"{round(gap.value, 2) + 0.0:+.2f}{_half(gap)}{' *' if gap.p < LEVEL else ''}"


def _half(interval: Interval | Difference) -> str:
    half = max(interval.high - interval.value, interval.value - interval.low)
    return f" ±{half:.2f}" if half < WIDEST else ""


def long(table: "ResultTable", by: Sequence[str], reference: str | None) -> pd.DataFrame:
    """Return one row per condition, system and metric: mean, median, ends of the interval, counts, rank, difference.

    The column `summary` says whether the interval belongs to the mean or to the median.
    """
    ranks, losses, lines = table.ranks(by), table.lost(by), []
    differences = {} if reference is None else table.differences(reference, by)
    for labels, key, intervals in _keyed(table, by):
        lost = losses.get(key, Lost(0, 0))
        for metric, interval in intervals.items():
            line: dict[str, Any] = dict(zip(map(variable, by), labels, strict=True))
            line |= {"system": key[1], "metric": metric, **interval._asdict(), "rank": ranks[key][metric]}
            line |= {
                "near_lost": lost.lost,
                "near_scenes": lost.scenes,
                "near_end_destroyed": key[1] in table.destroyed,
            }
            if key in differences:
                gap = differences[key][metric]
                line |= {f"difference_{name}": value for name, value in gap._asdict().items()}
            lines.append(line)
    return pd.DataFrame(lines).astype({"rank": "Int64"})


def wide(table: "ResultTable", by: Sequence[str], reference: str | None = None) -> pd.DataFrame:
    """Return one row per condition and system, with one column of text per metric.

    A cell contains the mean, or the median, ± the wider half of its 95 % interval and, if there are several systems,
    the rank in brackets; with a `reference`, the difference to it and a star if that is significant. Cells include the
    number of scenes in tables `by` conditions, and in columns in which it differs between systems. Metrics that are
    undefined in every scene have no column. The column "failed" counts all failed values, including those of scenes
    that do not count in a mean.
    """
    ranks = table.ranks(by) if table.competing and reference is None else {}
    losses, failures = (table.lost(by), table.failures(by)) if reference is None else ({}, {})
    counted = {metric for metric in table.metrics if metric in table.uneven or by}
    differences = {} if reference is None else table.differences(reference, by)
    titles, lines = headings(table.metrics, table.provenance), []
    for labels, key, intervals in _keyed(table, by):
        system = key[1]
        line = dict(zip(map(variable, by), labels, strict=True))
        line["system"] = f"{system} {MARK}" if system in table.destroyed else system
        for metric, interval in intervals.items():
            if metric in table.undefined:
                continue
            if key in differences:
                line[titles[metric]] = difference_cell(metric, differences[key][metric])
            else:
                line[titles[metric]] = cell(metric, interval, metric in counted) + _rank(metric, ranks.get(key, {}))
        if reference is None:
            line[LOST] = lost_cell(losses.get(key))
            line["failed"] = str(failures.get(key, 0))
        if system != reference:
            lines.append(line)
    return pd.DataFrame(lines)


def _rank(metric: str, ranks: Mapping[str, int | None]) -> str:
    rank = ranks.get(metric)
    return "" if rank is None or metric == RTF else f" ({rank})"


def _keyed(
    table: "ResultTable", by: Sequence[str]
) -> list[tuple[tuple[str, ...], tuple[str, str], dict[str, Interval]]]:
    """Return labels, key and intervals for every row of `summary`."""
    labels = [condition for condition, _ in table.parts(by) for _ in table.systems]
    return [(condition, key, cells) for condition, (key, cells) in zip(labels, table.summary(by).items(), strict=True)]


def result_json(table: "ResultTable", by: Sequence[str] = (), reference: str | None = None) -> dict[str, Any]:
    """Return {"corpus": {...}, "systems": {NAME: {METRIC: {"mean", "median", "ci95", ...}}}, "near_lost": {...}}.

    A metric has the keys "mean", "median", "summary", "ci95", "n", "failed" and "rank"; "summary" says whether "ci95"
    is the interval of the mean or of the median. "near_lost" is {NAME: {"lost", "scenes"}}: the number of scenes in
    which too much of the near end is removed, and of those in which it talks. With `reference`, a metric also has
    "difference", with "mean", "median", "interval", "n" and "p". With `by`, there is also "conditions", with a list of
    records for each condition. NaN and infinity become null.
    """
    systems: dict[str, Any] = {}
    for row in long(table, (), reference).to_dict("records"):
        value = {name: row[name] for name in ("mean", "median", "summary")} | {"ci95": [row["low"], row["high"]]}
        value |= {"n": row["n"], "failed": row["failed"], "rank": row["rank"]}
        if reference not in (None, row["system"]):
            ends = [row["difference_low"], row["difference_high"]]
            value["difference"] = {"interval": ends} | {
                name: row[f"difference_{name}"] for name in ("mean", "median", "n", "p")
            }
        systems.setdefault(row["system"], {})[row["metric"]] = value
    data = {"corpus": table.provenance["corpus"], "systems": systems}
    data["near_lost"] = {system: lost._asdict() for (_, system), lost in table.lost().items()}
    if table.destroyed:
        data["near_end_destroyed"] = list(table.destroyed)
    if table.no_echo:
        data["no_echo"] = table.no_echo
    if reference is not None:
        data["reference"] = reference
    if by:
        data["conditions"] = long(table, by, reference).to_dict("records")
    plain: dict[str, Any] = _plain(data)
    return plain


def _plain(value: Any) -> Any:
    """Convert a value to one that JSON can represent."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if value is pd.NA or (isinstance(value, float) and not np.isfinite(value)):
        return None
    return value.item() if isinstance(value, np.generic) else value


def _markdown(frame: pd.DataFrame) -> str:
    lines: list[list[str]] = [list(map(str, frame)), ["---"] * frame.shape[1], *frame.to_numpy(str).tolist()]
    return "".join(f"| {' | '.join(text.replace('|', chr(92) + '|') for text in line)} |\n" for line in lines)


def _html(frame: pd.DataFrame) -> str:
    return str(frame.to_html(index=False, border=0)) + "\n"


LAYOUTS: dict[str, Callable[[pd.DataFrame], str]] = {"md": _markdown, "latex": latex, "html": _html}  # for readers


def _people(layout: Callable[[pd.DataFrame], str]) -> Callable[["ResultTable", Sequence[str], str | None], str]:
    """Return a function that formats the table and, if there is a reference, the differences to it below."""

    def text(table: "ResultTable", by: Sequence[str], reference: str | None) -> str:
        frames = [wide(table, by), *([] if reference is None else [wide(table, by, reference)])]
        return "\n".join(map(layout, frames))

    return text


def _latex(table: "ResultTable", by: Sequence[str], reference: str | None) -> str:
    """Return the table in LaTeX; the columns of lost near ends and of failures only if there are any.

    Comments state the package that it needs, and the meaning of its signs for a caption.
    """
    frame = wide(table, by)
    titles = headings(table.metrics, table.provenance)
    extra = [titles[metric] for metric in table.metrics if metric == RTF]
    extra += [] if table.destroyed else [LOST]
    extra += [] if (frame["failed"] != "0").any() else ["failed"]
    comments = [
        r"needs \usepackage{booktabs}",
        f"{summarised(table.metrics, table.provenance)}, ± {HALF} 95 % interval",
        BOLD,
    ]
    tables = [_comments(comments) + latex(frame.drop(columns=extra), _best(table, by))]
    if reference is not None:
        differences = wide(table, by, reference)
        comment = f"difference to {reference}, scene by scene, ± {HALF} interval of the test"
        tables.append(_comments([comment, STAR]) + latex(differences.drop(columns=extra, errors="ignore")))
    return "\n".join(tables)


def _comments(lines: Sequence[str]) -> str:
    return "".join(f"% {line}\n" for line in lines)


def _best(table: "ResultTable", by: Sequence[str]) -> set[tuple[int, str]]:
    """Return row and heading of the best cells of `wide`: those that share rank 1 or, without ranks, the best value."""
    titles, ranks, rows = headings(table.metrics, table.provenance), table.ranks(by), _keyed(table, by)
    best = set()
    for condition in dict.fromkeys(key[0] for _, key, _ in rows):
        rivals = {n: key for n, (_, key, _) in enumerate(rows) if key[0] == condition and key[1] != CEILING}
        for metric in table.metrics:
            sign = 1 if lower_is_better(metric, table.provenance) else -1
            order = {n: (ranks[key][metric], sign * rows[n][2][metric].value) for n, key in rivals.items()}
            ranked = {n: float(rank) for n, (rank, _) in order.items() if rank is not None}
            values = ranked or {n: value for n, (_, value) in order.items() if value == value}  # without NaN
            best |= {(n, titles[metric]) for n, value in values.items() if value == min(values.values())}
    return best if len(table.systems) > 1 else set()


def _csv(table: "ResultTable", by: Sequence[str], reference: str | None) -> str:
    return str(long(table, by, reference).to_csv(index=False))


def _json(table: "ResultTable", by: Sequence[str], reference: str | None) -> str:
    return json.dumps(result_json(table, by, reference)) + "\n"


# (table, by, reference) -> text
FORMATS: dict[str, Callable[["ResultTable", Sequence[str], str | None], str]] = {
    "md": _people(_markdown),
    "csv": _csv,
    "latex": _latex,
    "html": _people(_html),
    "json": _json,
}


def frame_text(shown: pd.DataFrame, values: pd.DataFrame, layout: str) -> str:
    """Return a table in one of FORMATS: `shown` is its text for readers, `values` are its values for programs.

    Both have a row per system, with its name in the first column, "system".
    """
    if layout == "csv":
        return str(values.to_csv(index=False))
    if layout == "json":
        return json.dumps({"systems": {row.pop("system"): _plain(row) for row in values.to_dict("records")}}) + "\n"
    return LAYOUTS[layout](shown)
