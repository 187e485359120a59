"""The cost of systems."""

from collections.abc import Mapping

import pandas as pd
from rich.console import RenderableType

from aecbench.costs import Cost
from aecbench.report.grid import grid
from aecbench.results.formats import frame_text

__all__ = ["cost_table", "cost_text"]

COLUMNS = {  # heading, factor from the unit of Cost, format
    "parameters": ("Parameters", 1, ",.0f"),
    "macs": ("MACs [M/s]", 1e-6, ".1f"),
    "rtf": ("RTF", 1, ".4f"),
    "latency": ("Latency [ms]", 1e3, ".1f"),
    "memory": ("Memory [MB]", 1e-6, ".0f"),
}
CAPTION = """\
for audio at 16 kHz, or the rate that a system requires, block by block, on one core
Parameters: trained numbers
MACs: real multiplications with additions
RTF: processor time per second of audio
Latency: algorithmic
Memory: peak of the process, with Python; not measured for programs"""


def cost_table(costs: Mapping[str, Cost]) -> RenderableType:
    """Return a table with a row per system; "-" for values that are unknown."""
    return grid(_shown(costs), caption=CAPTION)


def cost_text(costs: Mapping[str, Cost], layout: str) -> str:
    """Return the same table in one of FORMATS: as text for readers, or as numbers for programs."""
    values = pd.DataFrame([{"system": name, **cost._asdict()} for name, cost in costs.items()])
    return frame_text(_shown(costs), values, layout)


def _shown(costs: Mapping[str, Cost]) -> pd.DataFrame:
    return pd.DataFrame([{"system": name, **_words(cost)} for name, cost in costs.items()])


def _words(cost: Cost) -> dict[str, str]:
    values = cost._asdict()
    return {
        heading: format(values[name] * factor, how) if values[name] == values[name] else "-"  # NaN differs from itself
        for name, (heading, factor, how) in COLUMNS.items()
    }
