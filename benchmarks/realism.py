"""How much scenes are like recordings: the traits of real far-end single talk beside the ones of recipes.

Run from a checkout: python benchmarks/realism.py [RECIPE ...] --real FOLDER [--table FILE] [--picture FILE]

FOLDER holds recordings of the AEC Challenge, NAME_lpb.wav beside NAME_mic.wav. Those of its training sets are what
recipes were fitted to; those of its blind sets only check it, and are told apart by the names of their folders.
"""

import argparse
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from traits import RATE, TRAITS, measure

from aecbench.dsp import audio
from aecbench.dsp.resample import resample
from aecbench.recipe import read_recipe
from aecbench.scenes.draw import draw
from aecbench.scenes.render import render
from aecbench.scenes.sources import open_sources

RECIPES = ("speech-v1", "hard-v1", "devices-v1", "speech-v2", "hard-v2")
REAL = ("real", "real, blind")
PERCENTILES = (10, 50, 90)
DRAWS, COVERED = 2000, 0.95  # of the bootstrap
CHOSEN = {"far_single": 1, "double": 0, "near_single": 0, "barge_in": 0, "alternating": 0}


def main() -> None:
    """Measure, print the table, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", help="[v1 and v2 of speech and hard, devices-v1]")
    parser.add_argument("--real", type=Path, required=True, metavar="FOLDER", help="recordings of the AEC Challenge")
    parser.add_argument("--scenes", type=int, default=40, help="far-end scenes of each recipe [40]")
    parser.add_argument("--split", default="test", help="of the recipes [test]")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a change of every recipe")
    parser.add_argument("--table", type=Path, metavar="FILE", help="write the table to this file, too")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw a picture, a PNG")
    options = parser.parse_args()
    groups = recordings(options.real)
    for recipe in options.recipes or RECIPES:
        groups[recipe] = simulated(recipe, options.split, options.scenes, options.set)
    table = report(groups)
    print(table)
    if options.table:
        options.table.write_text(table + "\n")
    if options.picture:
        draw_picture(groups, options.picture)


def recordings(folder: Path) -> dict[str, pd.DataFrame]:
    """The traits of real far-end single talk, a row per recording: to fit on, and to check on."""
    groups: dict[str, list[dict[str, float]]] = {name: [] for name in REAL}
    for path in sorted(folder.rglob("*_mic.wav")):
        if "farend" not in path.name:
            continue
        pair = [audio.read(path.with_name(path.name.replace("_mic.", f"_{end}."))) for end in ("mic", "lpb")]
        mic, far = (resample(x, rate, RATE) for x, rate in pair)
        length = min(mic.size, far.size)
        blind = any("blind" in part for part in path.parts)
        groups[REAL[blind]].append(measure(mic[:length], far[:length]))
    if not groups["real"]:
        sys.exit(f"{folder}: holds no recordings called *farend*_mic.wav outside of blind sets; give another folder")
    return {name: pd.DataFrame(rows) for name, rows in groups.items() if rows}


def simulated(recipe: str, split: str, scenes: int, changes: list[str]) -> pd.DataFrame:
    """The traits of far-end single talk that a recipe makes, a row per scene."""
    talk = [f"talk.{kind}={share}" for kind, share in CHOSEN.items()]
    spec = read_recipe(recipe, [*changes, *talk], split=split, scenes=scenes)
    sources = open_sources(spec)
    rows = []
    for index in range(scenes):
        signals = render(draw(spec, split, index, sources), sources)
        stored = np.round(signals.mic * 32767) / 32767
        rows.append(measure(stored, signals.far))
    return pd.DataFrame(rows)


def report(groups: dict[str, pd.DataFrame]) -> str:
    """The 10, 50 and 90 % of every trait in Markdown, and the distance from the real ones.

    What lies outside of the bootstrap interval of the real ones, which comes first, has a star.
    """
    real = groups["real"]
    lines = []
    for name, trait in TRAITS.items():
        intervals = [interval(real[name], percentile) for percentile in PERCENTILES]
        line = [f"{trait.title} [{trait.unit}]" if trait.unit else trait.title]
        line.append("; ".join(f"{low:.3g} to {high:.3g}" for low, high in intervals))
        for group, table in groups.items():
            values = percentiles(table[name])
            outside = [not low <= value <= high for value, (low, high) in zip(values, intervals, strict=True)]
            text = " / ".join(f"{value:.3g}{star * '*'}" for value, star in zip(values, outside, strict=True))
            line.append(text if group == "real" else f"{text} ({distance(real[name], table[name]):.2f})")
        lines.append(line)
    head = ["", "real, interval", *(f"{group}, {len(table)}" for group, table in groups.items())]
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |".replace("*", r"\*") for row in rows)


def percentiles(values: "pd.Series[float]") -> list[float]:
    """The 10, 50 and 90 % of what is known."""
    return [float(np.nanpercentile(values, percentile)) for percentile in PERCENTILES]


def draw_picture(groups: dict[str, pd.DataFrame], file: Path) -> None:
    """A panel per trait: the 10 to 90 % of every group with its median, over the intervals of the real percentiles."""
    figure, axes = plt.subplots(4, 4, figsize=(12, 9), layout="constrained", sharey=True)
    for axis, (name, trait) in zip(axes.flat, TRAITS.items(), strict=True):
        for percentile in PERCENTILES:
            axis.axvspan(
                *interval(groups["real"][name], percentile), color="0.88" if percentile == 50 else "0.94", lw=0
            )
        for row, table in enumerate(groups.values()):
            low, middle, high = percentiles(table[name])
            color = "black" if row < len(REAL) else f"C{row - len(REAL)}"
            axis.plot([low, high], [row, row], color=color, lw=2)
            axis.plot(middle, row, "o", color=color, ms=5)
        axis.set_title(trait.title, fontsize=8)
        axis.set_xlabel(trait.unit, fontsize=8)
        axis.tick_params(labelsize=7)
    axes[0, 0].set_yticks(range(len(groups)), list(groups))
    axes[0, 0].invert_yaxis()
    figure.savefig(file, dpi=110)


def interval(values: "pd.Series[float]", percentile: float) -> tuple[float, float]:
    """The bootstrap interval of a percentile."""
    known = values.dropna().to_numpy()
    rng = np.random.default_rng(0)
    drawn = np.percentile(rng.choice(known, (DRAWS, known.size)), percentile, axis=1)
    low, high = np.quantile(drawn, [(1 - COVERED) / 2, (1 + COVERED) / 2])
    return float(low), float(high)


def distance(one: "pd.Series[float]", other: "pd.Series[float]") -> float:
    """Kolmogorov-Smirnov: the largest difference between two distribution functions."""
    a, b = np.sort(one.dropna()), np.sort(other.dropna())
    at = np.concatenate([a, b])
    return float(np.abs(np.searchsorted(a, at, "right") / a.size - np.searchsorted(b, at, "right") / b.size).max())


if __name__ == "__main__":
    main()
