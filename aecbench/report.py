"""What the command line prints: tables and lists for people, JSON for programs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from aecbench.assets import names
from aecbench.cancellers import CANCELLERS
from aecbench.corpus import Corpus
from aecbench.errors import NotInstalled
from aecbench.metrics import METRICS
from aecbench.packs import is_fetched, read_pack
from aecbench.recipe import read_recipe
from aecbench.results import ResultTable, cell, heading
from aecbench.scenes.conditions import CONDITIONS
from aecbench.scenes.loudspeaker import LOUDSPEAKERS
from aecbench.scenes.rooms import ENGINES
from aecbench.scenes.spec import NOISE_KINDS
from aecbench.scenes.speech import SPEECH
from aecbench.systems import load_system

__all__ = ["LISTINGS", "corpus_report", "listing", "result_json", "result_table"]

BARS = "▁▂▃▄▅▆▇█"
HISTOGRAM = 16  # bars
UNITS = {"ser": "dB", "snr": "dB", "rt60": "s", "delay": "s", "drift": "ppm"}


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
    redrawn = int(corpus.scenes.get("room.redrawn", pd.Series([0])).sum())
    if redrawn:
        facts.add_row("redrawn", f"{redrawn} rooms that could not have their reverberation time, or no place for all")
    return facts


def _histogram(values: Any, unit: str) -> str:
    low, high = values.min(), values.max()
    if low == high:
        return f"{low:g} {unit}"
    counts = np.histogram(values, HISTOGRAM)[0]
    bars = "".join(BARS[round(n / counts.max() * (len(BARS) - 1))] if n else " " for n in counts)
    return f"{low:g} {bars} {high:g} {unit}, median {np.median(values):.3g}"


def result_table(table: ResultTable, by: str | None) -> RenderableType:
    """Rows: systems (within each condition of `by`); columns: metrics, each a mean ± half of the 95 % interval."""
    corpus = table.provenance["corpus"]
    source = f"corpus {corpus['id'][:12]}, split {corpus['split']}, {corpus['scenes']} scenes"
    pooled = "" if by == "talk" else " (near-end metrics: in which both ends talk)"
    caption = f"mean over scenes{pooled} ± 95 % bootstrap interval; {source}"
    grid = Table(caption=caption, caption_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    if by is not None:
        grid.add_column(f"{by} [{UNITS[by]}]" if by in UNITS else by, no_wrap=True)
    grid.add_column("system", no_wrap=True)
    for metric in table.metrics:
        grid.add_column(heading(metric).replace(" [", "\n").rstrip("]"), justify="right", no_wrap=True)
    grid.add_column("failed", justify="right")
    before = None
    for (condition, system), intervals in table.summary(by).items():
        if before not in (None, condition):
            grid.add_section()
        label = [] if by is None else [condition if condition != before else ""]
        failed = sum(interval.failed for interval in intervals.values())
        cells = [cell(metric, interval) for metric, interval in intervals.items()]
        grid.add_row(*label, system, *cells, str(failed))
        before = condition
    return grid


def result_json(table: ResultTable) -> dict[str, Any]:
    """{"corpus": {...}, "systems": {NAME: {METRIC: {"mean", "ci95", "n", "failed"}}}}; what is not finite is null."""
    systems = {
        system: {
            metric: {
                "mean": _finite(i.mean),
                "ci95": [_finite(i.low), _finite(i.high)],
                "n": i.n,
                "failed": i.failed,
            }
            for metric, i in intervals.items()
        }
        for (_, system), intervals in table.summary().items()
    }
    return {"corpus": table.provenance["corpus"], "systems": systems}


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _recipes() -> list[tuple[str, str]]:
    rows = []
    for name in names("recipes"):
        spec = read_recipe(name)
        counts = ", ".join(f"{n} {split}" for split, n in spec.splits.model_dump().items() if n)
        rows.append((name, f"{counts} scenes of {spec.duration:g} s, speech from {spec.speech.source}"))
    return rows


def _models() -> list[tuple[str, str]]:
    baselines = [(name, load_system(name).summary) for name in names("baselines")]
    return baselines + [(name, _bare(name)) for name in CANCELLERS if name not in dict(baselines)]


def _bare(name: str) -> str:
    """A row of CANCELLERS without a card, and how to install it where it is not."""
    try:
        return f"{load_system(name).target}, not tuned"
    except NotInstalled as error:
        return str(error)


def _metrics() -> list[tuple[str, str]]:
    return [(n, f"{' in '.join(filter(None, (m.title, m.unit)))}, {m.better} is better") for n, m in METRICS.items()]


def _sources() -> list[tuple[str, str]]:
    return [
        ("speech", ", ".join(SPEECH)),
        ("noise", ", ".join(NOISE_KINDS)),
        ("rooms", f"simulated ({', '.join(ENGINES)}), or measured responses in a folder or a manifest"),
        ("loudspeaker", ", ".join(LOUDSPEAKERS)),
    ]


def _packs() -> list[tuple[str, str]]:
    where = {name: "here" if is_fetched(name) else f"not here yet: aecbench fetch {name}" for name in names("packs")}
    return [(name, f"{read_pack(name).summary}; {here}") for name, here in where.items()]


LISTINGS = {"recipes": _recipes, "models": _models, "metrics": _metrics, "sources": _sources, "packs": _packs}


def listing(what: Sequence[str]) -> RenderableType:
    """The chosen rows of LISTINGS, each as a small table."""
    tables = []
    for name in what:
        grid = Table(title=name, title_justify="left", title_style="bold", box=None, show_header=False, padding=(0, 2))
        for row in LISTINGS[name]():
            grid.add_row(*map(escape, row))
        tables.append(grid)
    return Group(*tables)
