"""One corpus: how everything that was drawn for its scenes is distributed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from pandas.api.types import is_numeric_dtype

from aecbench.corpus import Corpus
from aecbench.plots.columns import Values, column, described, text
from aecbench.plots.style import ACCENT, INK, PALE, plain, save
from aecbench.signals import Array

__all__ = ["Bars", "Histogram", "distributions", "overview", "plot_corpus"]

COLUMNS = 4  # panels side by side
BINS = (8, 24)  # fewest and most
MANY = 8  # more names than this are counted, not drawn
PANEL, HEAD = (3.3, 2.05), 1.1  # inches


class Histogram(NamedTuple):
    """How often a number falls between two edges, in each split."""

    name: str  # column
    edges: Array  # [bins + 1]
    counts: dict[str, Array]  # split -> [bins]


class Bars(NamedTuple):
    """How often each name comes, in each split."""

    name: str  # column
    names: list[str]
    counts: dict[str, Array]  # split -> [names]


def distributions(scenes: pd.DataFrame) -> list[Histogram | Bars]:
    """How everything in a table of scenes that varies is distributed.

    Numbers are counted in bins, names one by one ("none" where a scene has no such thing); names of which there are
    more than MANY are left out, `overview` counts those.
    """
    splits = list(dict.fromkeys(scenes["split"]))
    found: list[Histogram | Bars] = []
    for name, values in described(scenes).items():
        by_split = {split: values[scenes["split"].loc[values.index] == split] for split in splits}
        if not is_numeric_dtype(values):
            whole = {split: _with_none(by_split[split], int((scenes["split"] == split).sum())) for split in splits}
            names = list(dict.fromkeys(n for counts in whole.values() for n in counts))
            if 1 < len(names) <= MANY:
                found.append(Bars(name, names, {s: np.array([whole[s].get(n, 0) for n in names]) for s in splits}))
        elif values.nunique() > 1:
            edges = _edges(values.to_numpy(float), min(len(part) for part in by_split.values()))
            counts = {split: np.histogram(part, edges)[0] for split, part in by_split.items()}
            found.append(Histogram(name, edges, counts))
    return found


def overview(corpus: Corpus) -> list[str]:
    """What identifies a corpus, how large it is, and what is the same in every scene: lines of text."""
    scenes, columns = corpus.scenes, described(corpus.scenes)
    sizes = ", ".join(f"{n} {split}" for split, n in scenes["split"].value_counts(sort=False).items())
    counted = [
        f"{values.nunique()} {column(name).label}s"
        for name, values in columns.items()
        if not is_numeric_dtype(values) and values.nunique() > MANY
    ]
    same = [
        f"{column(name).label} {text(name, values)}"
        for name, values in columns.items()
        if len(values) == len(scenes) and values.nunique() == 1
    ]
    return [
        f"id {corpus.id[:12]}   digest {corpus.digest[:12]}   {sizes} scenes, {corpus.hours:.2f} h",
        "   ".join(counted),
        f"in every scene: {', '.join(same)}" if same else "",
    ]


def plot_corpus(corpus: Corpus, path: Path) -> None:
    """A panel for everything that was drawn and varies: histograms of numbers, bars of names, split by split."""
    with plain():
        save(_figure(corpus), path)


def _figure(corpus: Corpus) -> Figure:
    panels = distributions(corpus.scenes)
    rows = max(1, -(-len(panels) // COLUMNS))
    figure = Figure(figsize=(COLUMNS * PANEL[0], HEAD + rows * PANEL[1]), layout="constrained")
    top, body = figure.subfigures(2, 1, height_ratios=(HEAD, rows * PANEL[1]))
    splits = list(dict.fromkeys(corpus.scenes["split"]))
    _head(top, corpus, splits)
    axes = body.subplots(rows, COLUMNS, squeeze=False)
    for axis, panel in zip(axes.flat, panels, strict=False):
        (_histogram if isinstance(panel, Histogram) else _bars)(axis, panel)
        axis.set_title(column(panel.name).title, loc="left")
    for axis in axes.flat[len(panels) :]:
        axis.set_axis_off()
    return figure


def _head(figure: SubFigure, corpus: Corpus, splits: Sequence[str]) -> None:
    figure.text(0.008, 0.93, corpus.info["spec"]["name"], size=15, weight="bold", va="top")
    figure.text(0.008, 0.60, "\n".join(overview(corpus)), va="top", linespacing=1.5)
    unit = "scenes" if len(splits) == 1 else "% of the scenes of its split"
    handles = [Patch(label=split, **_style(splits, split)) for split in splits]
    figure.legend(handles=handles, title=f"height: {unit}", loc="upper right", ncols=len(splits))


def _style(splits: Sequence[str], split: str) -> dict[str, Any]:
    """The first of several splits is filled, the last one has the accent."""
    if len(splits) == 1:
        return {"facecolor": ACCENT, "edgecolor": "none"}
    if split == splits[0]:
        return {"facecolor": PALE, "edgecolor": "none"}
    return {"facecolor": "none", "edgecolor": ACCENT if split == splits[-1] else INK, "linewidth": 1.3}


def _heights(counts: Mapping[str, Array]) -> dict[str, Array]:
    """Counts of a single split, percentages of several."""
    if len(counts) == 1:
        return dict(counts)
    return {split: 100 * count / max(1, count.sum()) for split, count in counts.items()}


def _histogram(axis: Axes, panel: Histogram) -> None:
    for split, heights in _heights(panel.counts).items():
        axis.stairs(heights, panel.edges, fill=True, **_style(list(panel.counts), split))
    axis.set_ylim(bottom=0)
    axis.xaxis.set_major_locator(MaxNLocator(6))
    axis.yaxis.set_major_locator(MaxNLocator(4, integer=len(panel.counts) == 1))


def _bars(axis: Axes, panel: Bars) -> None:
    places = np.arange(len(panel.names))
    for split, heights in _heights(panel.counts).items():
        axis.barh(places, heights, height=0.7, **_style(list(panel.counts), split))
    axis.set_yticks(places, panel.names)
    axis.invert_yaxis()
    axis.tick_params(axis="y", left=False)
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=len(panel.counts) == 1))


def _with_none(values: Values, scenes: int) -> dict[str, int]:
    """How often each name comes, most frequent first; "none" for scenes without one."""
    counts = {str(name): int(n) for name, n in values.value_counts().items()}
    return counts | ({"none": scenes - len(values)} if scenes > len(values) else {})


def _edges(values: Array, smallest: int) -> Array:
    """Edges of bins for these values, as many as the `smallest` split can fill (Rice's rule); whole numbers in theirs.

    >>> _edges(np.array([0.0, 1.0, 2.0]), 3).tolist()
    [-0.5, 0.5, 1.5, 2.5]
    """
    low, high = float(values.min()), float(values.max())
    bins = int(np.clip(round(2 * smallest ** (1 / 3)), *BINS))
    if np.array_equal(values, np.round(values)):
        step = int(np.ceil((high - low + 1) / bins))
        return np.arange(low - 0.5, high + step, step)
    return np.linspace(low, high, bins + 1)
