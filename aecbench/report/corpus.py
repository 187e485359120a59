"""A corpus: its location, identification and variables, and problems of its files."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from rich.console import RenderableType
from rich.table import Table

from aecbench.corpus import Corpus
from aecbench.corpus.verify import Damage
from aecbench.scenes.conditions import CONDITIONS, UNITS
from aecbench.signals import Array

__all__ = ["corpus_facts", "corpus_report", "missed_rt60", "verify_facts", "verify_lines"]

BARS = "▁▂▃▄▅▆▇█"
HISTOGRAM = 16  # number of bars
MISSED = 0.2  # largest relative deviation of T20 from the requested rt60


def corpus_report(corpus: Corpus) -> RenderableType:
    """Return the location, identification and variables of a corpus, on one screen."""
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
        facts.add_row("rooms", f"{redrawn} rooms were redrawn: RT60 not reachable, or no valid placement")
    return facts


def missed_rt60(corpus: Corpus) -> pd.DataFrame:
    """Return scene, room.rt60 and t20 of the scenes whose T20 deviates too much from rt60; the worst first."""
    table = corpus.scenes.reindex(columns=["scene", "room.rt60", "t20"])
    error = (table["t20"] / table["room.rt60"] - 1).abs()
    return table.loc[error[error > MISSED].sort_values(ascending=False).index]


def corpus_facts(corpus: Corpus) -> dict[str, Any]:
    """Return the location and identification of a corpus, and the number of scenes per split, for programs."""
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


def _histogram(values: Array, unit: str) -> str:
    low, high = values.min(), values.max()
    if low == high:
        return f"{low:g} {unit}"
    counts = np.histogram(values, HISTOGRAM)[0]
    bars = "".join(BARS[round(n / counts.max() * (len(BARS) - 1))] if n else " " for n in counts)
    return f"{low:g} {bars} {high:g} {unit}, median {np.median(values):.3g}"


def verify_lines(corpus: Corpus, problems: Sequence[Damage], repaired: bool) -> Iterator[str]:
    """Yield a line per problem, and a final line if the corpus is intact."""
    for problem in problems:
        yield f"{problem.file}: {problem.what}{', repaired' if repaired else ''}"
    if repaired or not problems:
        yield f"{corpus.path}: intact, {len(corpus)} scenes, digest {corpus.digest}"


def verify_facts(corpus: Corpus, problems: Sequence[Damage], repaired: bool) -> dict[str, Any]:
    """Return the same facts for programs."""
    whole = repaired or not problems
    return {"corpus": corpus_facts(corpus), "whole": whole, "problems": [problem._asdict() for problem in problems]}
