"""One corpus: the distributions of all variables of its scenes."""

import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from aecbench.corpus import Corpus
from aecbench.plots.quantities import Value, drawn, quantity, rank, text
from aecbench.plots.style import ACCENT, INK, PALE, plain, save, shorten
from aecbench.signals import Array

__all__ = ["Bars", "Histogram", "distributions", "overview", "plot_corpus"]

BINS = (8, 24)  # smallest and largest number of bins
MANY = 10  # variables with more names than this are counted, not drawn
SIDE_BY_SIDE, PANEL = 4, (3.3, 1.85)  # diagrams per row; size of a diagram [inch]
LINE, WIDTH = 0.2, 190  # height of a line of the heading [inch]; characters in it
LONGEST = 20  # most characters of a name next to a bar


class Histogram(NamedTuple):
    """The number of values between two edges, in each split."""

    name: str  # column
    edges: Array  # [bins + 1]
    counts: dict[str, Array]  # split -> [bins]


class Bars(NamedTuple):
    """The number of occurrences of each name, in each split."""

    name: str  # column
    names: list[str]
    counts: dict[str, Array]  # split -> [names]


def distributions(scenes: pd.DataFrame) -> list[Histogram | Bars]:
    """Return the distributions of all variables that vary in a table of scenes.

    Numbers are counted in bins, names individually ("none" for scenes without a name). Talkers, files and all other
    variables with more than MANY names are left out; `overview` lists their number.
    """
    sizes = {str(split): int(n) for split, n in scenes["split"].value_counts(sort=False).items()}
    diagrams: list[Histogram | Bars] = []
    for name, by_split in _by_split(scenes).items():
        values = [value for part in by_split.values() for value in part]
        if isinstance(values[0], str):
            counters = {split: _with_none(by_split[split], size) for split, size in sizes.items()}
            names = [name for name, _ in sum(counters.values(), Counter()).most_common()]
            names.sort(key="none".__eq__)
            if 1 < len(names) <= MANY and not quantity(name).many:
                counts = {split: np.array([counter[n] for n in names]) for split, counter in counters.items()}
                diagrams.append(Bars(name, names, counts))
            continue
        numbers = {split: np.array(part, float) for split, part in by_split.items()}
        if len(set(values)) > 1:
            edges = _edges(np.array(values, float), min(part.size for part in numbers.values()))
            counts = {split: np.histogram(part, edges)[0] for split, part in numbers.items()}
            diagrams.append(Histogram(name, edges, counts))
    return diagrams


def overview(corpus: Corpus) -> list[str]:
    """Return the id and size of a corpus, the number of names too many to draw, and values that all scenes share."""
    values = {
        name: [value for part in by_split.values() for value in part]
        for name, by_split in _by_split(corpus.scenes).items()
    }
    sizes = ", ".join(f"{n} {split}" for split, n in corpus.scenes["split"].value_counts(sort=False).items())
    many = [
        f"{len(set(part))} {quantity(name).label}s"
        for name, part in values.items()
        if isinstance(part[0], str) and (quantity(name).many or len(set(part)) > MANY)
    ]
    same = [
        f"{quantity(name).label} {text(name, part)}"
        for name, part in values.items()
        if len(part) == len(corpus) and len(set(part)) == 1 and part[0] != 0
    ]
    return [
        f"id {corpus.id[:12]}   digest {corpus.digest[:12]}",
        ", ".join([f"{sizes} scenes", f"{corpus.hours:.2f} h", *many]),
        *([f"In every scene: {', '.join(same)}"] if same else []),
    ]


def plot_corpus(corpus: Corpus, path: Path) -> None:
    """Draw a diagram per variable that varies: bars for names, then histograms for numbers, with one set per split."""
    with plain():
        save(_figure(corpus), path)


def _figure(corpus: Corpus) -> Figure:
    panels = distributions(corpus.scenes)
    bars = [panel for panel in panels if isinstance(panel, Bars)]
    histograms = [panel for panel in panels if isinstance(panel, Histogram)]
    lines = [line for paragraph in overview(corpus) for line in textwrap.wrap(paragraph, WIDTH)]
    heights = [
        0.45 + LINE * len(lines),
        *(PANEL[1] * -(-len(part) // SIDE_BY_SIDE) for part in (bars, histograms) if part),
    ]
    figure = Figure(figsize=(SIDE_BY_SIDE * PANEL[0], sum(heights)), layout="constrained")
    parts = iter(figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False).flat)
    _head(next(parts), heights[0], corpus, lines)
    for bar, axis in zip(bars, _grid(next(parts), len(bars)) if bars else [], strict=True):
        _bars(axis, bar)
    for histogram, axis in zip(histograms, _grid(next(parts), len(histograms)) if histograms else [], strict=True):
        _histogram(axis, histogram)
    return figure


def _grid(figure: SubFigure, count: int) -> list[Axes]:
    """Return `count` axes, side by side and in rows."""
    axes = list(figure.subplots(-(-count // SIDE_BY_SIDE), SIDE_BY_SIDE, squeeze=False).flat)
    for axis in axes[count:]:
        axis.set_axis_off()
    return axes[:count]


def _head(figure: SubFigure, height: float, corpus: Corpus, lines: Sequence[str]) -> None:
    splits = list(dict.fromkeys(corpus.scenes["split"]))
    figure.text(0.008, 1 - 0.1 / height, str(corpus.info["spec"]["name"]), size=15, weight="bold", va="top")
    figure.text(0.008, 1 - 0.45 / height, "\n".join(lines), va="top", linespacing=1.5)
    handles = [Patch(label=split, **_style(splits, split)) for split in splits]
    unit = "number of scenes" if len(splits) == 1 else "percent of each split"
    figure.legend(handles=handles, title=unit, loc="upper right", ncols=len(splits))


def _style(splits: Sequence[str], split: str) -> dict[str, Any]:
    """Return the style of a split: the first of several is filled, the last one has the accent colour."""
    if len(splits) == 1:
        return {"facecolor": ACCENT, "edgecolor": "none"}
    if split == splits[0]:
        return {"facecolor": PALE, "edgecolor": "none"}
    return {"facecolor": "none", "edgecolor": ACCENT if split == splits[-1] else INK, "linewidth": 1.3}


def _heights(counts: Mapping[str, Array]) -> dict[str, Array]:
    """Return the counts if there is a single split, or else percentages of each split."""
    if len(counts) == 1:
        return dict(counts)
    return {split: 100 * count / max(1, count.sum()) for split, count in counts.items()}


def _histogram(axis: Axes, panel: Histogram) -> None:
    for split, heights in _heights(panel.counts).items():
        axis.stairs(heights, panel.edges, fill=True, **_style(list(panel.counts), split))
    axis.set_title(quantity(panel.name).title, loc="left")
    axis.set_ylim(bottom=0)
    axis.xaxis.set_major_locator(MaxNLocator(6, integer=bool(panel.edges[0] % 1 == 0.5)))
    axis.yaxis.set_major_locator(MaxNLocator(4, integer=True))


def _bars(axis: Axes, panel: Bars) -> None:
    places = np.arange(len(panel.names))
    for split, heights in _heights(panel.counts).items():
        axis.barh(places, heights, height=0.7, **_style(list(panel.counts), split))
    axis.set_title(quantity(panel.name).title, loc="left")
    axis.set_yticks(places, [shorten(name, LONGEST) for name in panel.names])
    axis.invert_yaxis()
    axis.tick_params(axis="y", left=False)
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))


def _by_split(scenes: pd.DataFrame) -> dict[str, dict[str, list[Value]]]:
    """Return column -> split -> the values of its scenes, in the order of `rank`."""
    splits = list(dict.fromkeys(scenes["split"]))
    columns: dict[str, dict[str, list[Value]]] = {}
    for row in scenes.to_dict("records"):
        for name, values in drawn({str(key): value for key, value in row.items()}).items():
            columns.setdefault(name, {split: [] for split in splits})[row["split"]] += values
    return {name: columns[name] for name in sorted(columns, key=rank)}


def _with_none(names: Sequence[Value], scenes: int) -> Counter[str]:
    """Return the number of occurrences of each name; "none" for scenes without one."""
    counter = Counter(str(name) for name in names)
    return counter + Counter(none=scenes - counter.total())


def _edges(values: Array, smallest: int) -> Array:
    """Return edges of bins for these values: as many as the `smallest` split can fill (Rice's rule).

    Bins of whole numbers are centred on whole numbers.

    >>> _edges(np.array([0.0, 1.0, 2.0]), 3).tolist()
    [-0.5, 0.5, 1.5, 2.5]
    """
    low, high = float(values.min()), float(values.max())
    bins = int(np.clip(round(2 * smallest ** (1 / 3)), *BINS))
    if np.array_equal(values, np.round(values)):
        step = int(np.ceil((high - low + 1) / bins))
        return np.arange(low - 0.5, high + step, step)
    return np.linspace(low, high, bins + 1)
