"""What the command line prints: tables and lists for people, JSON for programs."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Group, JustifyMethod, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from aecbench import cancellers, metrics, plugins
from aecbench.assets import names
from aecbench.cancellers import CANCELLERS
from aecbench.corpus import Corpus
from aecbench.errors import AecbenchError, NotInstalled
from aecbench.metrics import METRICS
from aecbench.packs import is_fetched, read_pack
from aecbench.plugins import offers
from aecbench.recipe import read_recipe
from aecbench.results import LOST, MARK, ResultTable, difference_cell, heading, lower_is_better, summarised, wide
from aecbench.scenes import devices, noise, speech
from aecbench.scenes.conditions import CONDITIONS
from aecbench.scenes.loudspeaker import LOUDSPEAKERS
from aecbench.scenes.rooms import ENGINES
from aecbench.scenes.spec import NOISE_KINDS
from aecbench.scenes.speech import SPEECH
from aecbench.systems import load_system

__all__ = [
    "LISTINGS",
    "comparison",
    "corpus_facts",
    "corpus_report",
    "difference_table",
    "listing",
    "missed_rt60",
    "result_table",
    "scenes_table",
]

BARS = "▁▂▃▄▅▆▇█"
HISTOGRAM = 16  # bars
SHIPPED = "shipped"  # where what is listed comes from, if not from another package
CERTAIN = "± interval at the level of the test; * p < 0.05 (clustered test, Holm-corrected for the table)"
MISSED = 0.2  # a room whose T20 is further off its rt60 does not have the one that was asked for
UNITS = {"ser": "dB", "ser_double": "dB", "snr": "dB", "rt60": "s", "delay": "s", "drift": "ppm"}


def corpus_report(corpus: Corpus) -> RenderableType:
    """Where a corpus lies, what identifies it, and what was drawn, on one screen."""
    facts = Table.grid(padding=(0, 2))
    counts = corpus.scenes["split"].value_counts(sort=False)
    facts.add_row("corpus", str(corpus.path))
    facts.add_row("id", corpus.id)
    facts.add_row("digest", corpus.digest)
    facts.add_row(
        "audio", f"{corpus.hours:.2f} h: " + ", ".join(f"{n} {split}" for split, n in counts.items()) + " scenes"
    )
    for name, column in CONDITIONS.items():
        values = corpus.scenes.get(column)
        if values is None or values.dropna().empty:
            continue
        if name in UNITS:
            facts.add_row(name, _histogram(values.dropna().to_numpy(float), UNITS[name]))
        else:
            facts.add_row(name, ", ".join(f"{n} {value}" for value, n in values.value_counts().items()))
        if name == "rt60" and len(measured := corpus.scenes["t20"].dropna()):
            facts.add_row("", f"{_histogram(measured.to_numpy(float), 's')}, as T20 measures it")
    missed = missed_rt60(corpus)
    if len(missed):
        worst = missed.iloc[0]
        facts.add_row(
            "warning",
            f"in {len(missed)} scenes the measured T20 is more than {100 * MISSED:g} % off rt60; at worst, in "
            f"{worst['scene']}, {worst['t20']:.2f} s instead of {worst['room.rt60']:.2f} s. Rooms like these are drawn "
            f"again with --set room.tolerance={MISSED:g}",
        )
    redrawn = int(corpus.scenes.get("room.redrawn", pd.Series([0])).sum())
    if redrawn:
        facts.add_row("redrawn", f"{redrawn} rooms that could not have their reverberation time, or no place for all")
    return facts


def missed_rt60(corpus: Corpus) -> pd.DataFrame:
    """Return scene, room.rt60 and t20 of the scenes whose room does not have the rt60 asked for; the worst first."""
    table = corpus.scenes.reindex(columns=["scene", "room.rt60", "t20"])
    error = (table["t20"] / table["room.rt60"] - 1).abs()
    return table.loc[error[error > MISSED].sort_values(ascending=False).index]


def corpus_facts(corpus: Corpus) -> dict[str, Any]:
    """Where a corpus lies, what identifies it, and how many scenes each split has, for a program."""
    counts = corpus.scenes["split"].value_counts(sort=False)
    return {
        "path": corpus.path,
        "name": corpus.info["spec"]["name"],
        "id": corpus.id,
        "digest": corpus.digest,
        "hours": corpus.hours,
        "scenes": {str(split): int(count) for split, count in counts.items()},
        "missed_rt60": len(missed_rt60(corpus)),
    }


def _histogram(values: Any, unit: str) -> str:
    low, high = values.min(), values.max()
    if low == high:
        return f"{low:g} {unit}"
    counts = np.histogram(values, HISTOGRAM)[0]
    bars = "".join(BARS[round(n / counts.max() * (len(BARS) - 1))] if n else " " for n in counts)
    return f"{low:g} {bars} {high:g} {unit}, median {np.median(values):.3g}"


def result_table(table: ResultTable, by: str | Sequence[str] | None = None) -> RenderableType:
    """Rows: systems (within each condition of `by`); columns: metrics, each a mean or median ± half of the interval."""
    chosen = [by] if isinstance(by, str) else list(by or ())
    pooled = "" if "talk" in chosen else " (near-end metrics: in which both ends talk)"
    ranked = "; (rank), shared where the difference is not certain" if table.competing else ""
    rule = table.lost_rule
    caption = f"{summarised(table.metrics, table.provenance)}{pooled} ± 95 % interval{ranked}; {_source(table)}"
    caption += f"\n{LOST}: scenes in which more than {rule.loss:g} dB of the near end are gone"
    if table.uneven:
        caption += "\nn: scenes in which the system has a value; not the same for all; ranks are over shared ones"
    for system, (lost, scenes) in table.destroyed.items():
        caption += f"\n{MARK} {system}: near end lost in {lost} of {scenes} scenes, more than {rule.share:.0%}"
    return _grid(wide(table, chosen), chosen, caption)


def difference_table(table: ResultTable, reference: str, by: Sequence[str] = ()) -> RenderableType:
    """As `result_table`, of the paired differences to one of the systems."""
    what = summarised(table.metrics, table.provenance)
    caption = f"difference to {reference}, scene by scene, {what}, {CERTAIN}; {_source(table)}"
    return _grid(wide(table, by, reference), by, caption)


def comparison(table: ResultTable, ours: str, theirs: str) -> Sequence[RenderableType]:
    """What `ours` has before `theirs`: in all scenes, with how often each is better, and under every condition."""
    lines = []
    for metric, found in table.differences(theirs)["", ours].items():
        title = heading(metric, table.provenance)
        wins = [found.below, found.above] if lower_is_better(metric, table.provenance) else [found.above, found.below]
        p = "-" if np.isnan(found.p) else f"{found.p:.2g}"
        lines.append([title, difference_cell(metric, found), p, *map(str, [*wins, found.n])])
    columns = ["metric", "difference", "p", f"{ours} better", f"{theirs} better", "scenes"]
    shown = [_grid(pd.DataFrame(lines, columns=columns), (), f"{ours} - {theirs}, scene by scene; {CERTAIN}")]
    frames = []
    for by in (*CONDITIONS, "nonlinear"):
        if by in table.rows and table.rows[by].nunique() > 1:
            frame = wide(table, [by], theirs).drop(columns="system").rename(columns={by: "scenes"})
            frames.append(frame.assign(condition=f"{by} [{UNITS[by]}]" if by in UNITS else by))
    if frames:
        conditions = pd.concat(frames)
        conditions.insert(0, "condition", conditions.pop("condition"))
        shown.append(_grid(conditions, ["condition"], f"{ours} - {theirs} by condition; {CERTAIN} of a condition"))
    return shown


def scenes_table(scenes: pd.DataFrame, title: str) -> RenderableType:
    """Scenes as `ResultTable.behind` gives them: the conditions that were drawn, the values of both systems."""
    drawn = [name for name in CONDITIONS if name in scenes and scenes[name].notna().any()]
    shown = scenes[["scene", *drawn, *scenes.columns[-3:]]]
    texts = shown.map(lambda value: f"{value:.3g}" if isinstance(value, float) else str(value))
    return _grid(texts.rename(columns={name: f"{name} [{unit}]" for name, unit in UNITS.items()}), (), "", title)


def _source(table: ResultTable) -> str:
    corpus = table.provenance["corpus"]
    return f"corpus {corpus['id'][:12]}, split {corpus['split']}, {table.effective}"


def _grid(frame: pd.DataFrame, by: Sequence[str], caption: str, title: str = "") -> Table:
    """A table whose first columns are the conditions, which are written once, and the system."""
    grid = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), caption_justify="left", title_justify="left")
    grid.caption, grid.title = Text(caption) if caption else None, Text(title) if title else None
    for place, (name, cells) in enumerate(zip(map(str, frame), frame.to_numpy(str).T, strict=True)):
        unit = f" [{UNITS[name]}]" if place < len(by) and name in UNITS else ""
        lines = [name + unit] if place < len(by) else name.rstrip("]").split(" [")
        widest = max(map(cell_len, [*lines, *cells]))
        justify: JustifyMethod = "right" if place > len(by) else "left"
        grid.add_column(Text("\n".join(lines)), justify=justify, no_wrap=True, min_width=widest)
    before: list[str] = []
    for row in frame.to_numpy(str).tolist():
        labels = row[: len(by)]
        if before and labels != before:
            grid.add_section()
        shown = ["" if labels == before else label for label in labels]
        grid.add_row(*map(Text, [*shown, *row[len(by) :]]))
        before = labels
    return grid


class Row(NamedTuple):
    """A line of a listing."""

    name: str
    about: str
    origin: str = SHIPPED


def _recipes() -> list[Row]:
    rows = []
    for name in names("recipes"):
        spec = read_recipe(name)
        counts = ", ".join(f"{n} {split}" for split, n in spec.splits.model_dump().items() if n)
        rows.append(Row(name, f"{counts} scenes of {spec.duration:g} s, speech from {spec.speech.source}"))
    return rows


def _models() -> list[Row]:
    baselines = [Row(name, load_system(name).summary) for name in names("baselines")]
    bare = [Row(name, _bare(name)) for name in CANCELLERS if name not in names("baselines")]
    return [*baselines, *bare, *_of_others(cancellers.TABLE, _bare, {row.name for row in baselines})]


def _bare(name: str) -> str:
    """A canceller without a card, and how to install it where it is not."""
    try:
        return f"{load_system(name).target}, not tuned"
    except NotInstalled as error:
        return str(error)


def _metrics() -> list[Row]:
    return [*(Row(name, _metric(name)) for name in METRICS), *_of_others(metrics.TABLE, _metric)]


def _metric(name: str) -> str:
    metric = metrics.find(name)
    return f"{' in '.join(filter(None, (metric.title, metric.unit)))}, {metric.better} is better"


def _sources() -> list[Row]:
    tables: dict[str, plugins.Table[Any]] = {"speech": speech.TABLE, "noise": noise.TABLE, "loudspeaker": devices.TABLE}
    shipped = {"speech": SPEECH, "noise": NOISE_KINDS, "loudspeaker": LOUDSPEAKERS}
    rows = [Row(what, ", ".join(shipped[what])) for what in shipped]
    rows.append(Row("rooms", f"simulated ({', '.join(ENGINES)}), or measured responses in a folder or a manifest"))
    for what, table in tables.items():
        rows += [row._replace(name=f"{what} {row.name}") for row in _of_others(table, lambda name: "")]
    return rows


def _of_others(table: plugins.Table[Any], about: Callable[[str], str], taken: Collection[str] = ()) -> list[Row]:
    """What installed packages offer in a table, and why it cannot be used where that is so."""
    rows = []
    for name, found in offers(table.group).items():
        for offer in found:
            text = f"not used: another {table.noun} has this name; use {offer.reference}"
            if name not in taken and not table.is_taken(name):
                try:
                    text = about(name) or offer.reference
                except AecbenchError as error:
                    text = str(error)
            rows.append(Row(name, text, offer.package))
    return rows


def _packs() -> list[Row]:
    where = {name: "here" if is_fetched(name) else f"not here yet: aecbench fetch {name}" for name in names("packs")}
    return [Row(name, f"{read_pack(name).summary}; {here}") for name, here in where.items()]


LISTINGS = {"recipes": _recipes, "models": _models, "metrics": _metrics, "sources": _sources, "packs": _packs}


def listing(what: Sequence[str]) -> RenderableType:
    """The chosen rows of LISTINGS, each as a small table: name, where it comes from, what it is."""
    tables = []
    for name in what:
        grid = Table(title=name, title_justify="left", title_style="bold", box=None, show_header=False, padding=(0, 2))
        for row in LISTINGS[name]():
            grid.add_row(*map(escape, (row.name, row.origin, row.about)))
        tables.append(grid)
    return Group(*tables)
