"""The charts of a board as Vega-Lite; the browser draws them with the library that lies beside the pages.

Colours of text and lines come from the page, so that they suit its light and its dark look.
"""

import functools
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from aecbench.errors import MissingExtra
from aecbench.leaderboard.board import Board
from aecbench.results import RTF, Interval, heading

__all__ = ["condition_chart", "cost_chart", "library", "time_chart"]

COLOURS = (  # contrast 3 to the light and to the dark page; the same system has the same colour in all charts
    *("#4c8dd6", "#d1495b", "#3aa34a", "#9a62cf", "#d97600", "#0f9a9a", "#a07a5a", "#e0559a", "#8b949e", "#8c980f"),
    *("#b08c00", "#6f7fd8", "#b5651d", "#44a082", "#c96bd1", "#749a47", "#d2777f", "#5a7fa0", "#b8405e", "#3d8c8c"),
)
POINTS, LINES = "points", "lines"  # names of data that the page may replace

Spec = dict[str, Any]


@functools.cache
def library() -> str:
    """The JavaScript of Vega, Vega-Lite and Vega-Embed, which defines `vegaEmbed`. Raises MissingExtra."""
    try:
        import vl_convert
    except ImportError:
        raise MissingExtra("vl-convert-python", "board") from None
    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


def cost_chart(board: Board) -> Spec:
    """The mean or median of a metric over the real-time factor, a point per system with its 95 % interval."""
    import altair as alt

    values = [
        {"system": standing.name, "metric": metric, RTF: board.summary()["", standing.name][RTF].value}
        | _cell(board.summary()["", standing.name][metric])
        for standing in board.standings
        for metric in board.rules.metrics
        if board.summary()["", standing.name][RTF].n and board.summary()["", standing.name][metric].n
    ]
    chart = _chart(POINTS)
    names = [standing.name for standing in board.standings]
    x = alt.X(
        f"{RTF}:Q",
        scale=alt.Scale(type="log", nice=False, padding=40),
        title="real-time factor on one core",
        axis=alt.Axis(grid=False, tickCount=4),
    )
    y = alt.Y("value:Q", scale=alt.Scale(zero=False, padding=20), title=None)
    colour = alt.Color("system:N", scale=_scale(names), legend=None)
    tip = _tips(alt.Tooltip(f"{RTF}:Q", format=".4f", title="RTF"))
    layers = [
        chart.mark_rule(opacity=0.5).encode(x, alt.Y("low:Q", title=None), alt.Y2("high:Q"), colour),
        chart.mark_circle(size=110, opacity=1).encode(x, y, colour, tooltip=tip),
        chart.mark_text(fontSize=11).encode(x, y, text="system:N"),
    ]
    return _finish(alt.layer(*layers), values, board, "quality over cost, a point per system", _metric_title(board))


def condition_chart(board: Board) -> Spec:
    """The mean or median of a metric over the bins of a condition, a line per system with 95 % intervals."""
    import altair as alt

    values = [
        {"system": system, "metric": metric, "condition": condition, "bin": label, "place": position}
        | _cell(cells[metric])
        for condition in board.conditions
        for position, ((label, system), cells) in enumerate(board.summary(condition).items())
        for metric in board.rules.metrics
        if cells[metric].n
    ]
    chart = _chart(LINES, "datum.condition === condition")
    names = [standing.name for standing in board.standings]
    chosen = alt.selection_point(fields=["system"], bind="legend", name="picked")
    opacity = alt.condition(chosen, alt.value(1), alt.value(0.12))
    x = alt.X("bin:N", sort=alt.SortField("place"), title=None, axis=alt.Axis(labelAngle=0, labelLimit=110))
    y = alt.Y("value:Q", scale=alt.Scale(zero=False), title=None)
    colour = alt.Color("system:N", scale=_scale(names), legend=_legend())
    layers = [
        chart.mark_rule().encode(x, alt.Y("low:Q", title=None), alt.Y2("high:Q"), colour, opacity=opacity),
        chart.mark_line(strokeWidth=1.5).encode(x, y, colour, opacity=opacity),
        chart.mark_circle(size=60).encode(x, y, colour, opacity=opacity, tooltip=_tips(alt.Tooltip("bin:N"))),
    ]
    first = alt.param(name="condition", value=next(iter(board.conditions), ""))
    return _finish(
        alt.layer(*layers).add_params(first, chosen),
        values,
        board,
        "quality by condition, a line per system",
        _metric_title(board),
    )


def time_chart(board: Board, curves: Mapping[str, Sequence[float]], segment: float) -> Spec:
    """Return ERLE over time: a line per system; `curves` hold a value in dB per segment of so many seconds."""
    import altair as alt

    values = [
        {"system": system, "metric": "", "time": (n + 0.5) * segment, "value": round(value, 2)}
        for system, curve in curves.items()
        for n, value in enumerate(curve)
        if not math.isnan(value)
    ]
    names = [standing.name for standing in board.standings]
    chosen = alt.selection_point(fields=["system"], bind="legend", name="picked")
    chart = alt.Chart(_empty("times")).transform_filter("indexof(shown, datum.system) >= 0")
    line = chart.mark_line(strokeWidth=1.5, point=alt.OverlayMarkDef(size=18)).encode(
        alt.X("time:Q", title="time [s]"),
        alt.Y("value:Q", title="ERLE [dB]"),
        alt.Color("system:N", scale=_scale(names), legend=_legend()),
        opacity=alt.condition(chosen, alt.value(1), alt.value(0.12)),
        tooltip=[
            "system:N",
            alt.Tooltip("time:Q", format=".2f"),
            alt.Tooltip("value:Q", format=".2f", title="ERLE [dB]"),
        ],
    )
    return _finish(alt.layer(line).add_params(chosen), values, board, "ERLE over time, a line per system")


def _chart(name: str, condition: str = "true") -> Any:
    """A chart of the rows of one metric, of the systems that the page shows."""
    import altair as alt

    rule = f"datum.metric === metric && indexof(shown, datum.system) >= 0 && {condition}"
    return alt.Chart(_empty(name)).transform_filter(rule)


def _empty(name: str) -> Any:
    """Data that `_finish` fills, because altair would look at every value again and again."""
    import altair as alt

    return alt.InlineData(values=[], name=name)


def _finish(chart: Any, values: list[dict[str, Any]], board: Board, description: str, title: Any = "") -> Spec:
    import altair as alt

    names = [standing.name for standing in board.standings]
    if title:
        chart = chart.properties(title=title)
    params = [alt.param(name="metric", value=board.rules.ranked_by[0]), alt.param(name="shown", value=names)]
    sized = chart.add_params(*params).properties(width="container", height="container", description=description)
    spec: Spec = sized.configure_view(stroke=None).to_dict(context={"pre_transform": False})
    spec["data"]["values"] = values
    spec["autosize"] = {"type": "fit", "contains": "padding", "resize": True}
    return spec


def _metric_title(board: Board) -> Any:
    """Return the heading of the metric that the page shows, above the vertical axis."""
    import altair as alt

    headings = json.dumps({metric: heading(metric, board.facts) for metric in board.rules.metrics})
    return alt.TitleParams(text=alt.expr(f"{headings}[metric]"), anchor="start", fontSize=12, fontWeight="normal")


def _cell(interval: Interval) -> dict[str, Any]:
    values = {name: getattr(interval, name) for name in ("value", "low", "high", "n")}
    return {name: round(value, 3) if math.isfinite(value) else None for name, value in values.items()}


def _scale(names: Sequence[str]) -> Any:
    import altair as alt

    return alt.Scale(domain=list(names), range=[COLOURS[n % len(COLOURS)] for n in range(len(names))])


def _legend() -> Any:
    import altair as alt

    return alt.Legend(orient="bottom", columns=2, title=None, labelLimit=180, symbolType="circle")


def _tips(*more: Any) -> list[Any]:
    import altair as alt

    numbers = [alt.Tooltip(f"{name}:Q", format=".2f") for name in ("value", "low", "high")]
    return [alt.Tooltip("system:N"), *more, *numbers, alt.Tooltip("n:Q", title="scenes")]
