"""Listings: recipes, models, metrics, sources and packs, shipped and of other packages."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from aecbench import cancellers, metrics, plugins
from aecbench.assets import names
from aecbench.cancellers import CANCELLERS
from aecbench.errors import AecbenchError, NotInstalled
from aecbench.metrics import METRICS
from aecbench.packs import is_fetched, read_pack
from aecbench.plugins import offers
from aecbench.recipe import read_recipe
from aecbench.scenes import devices, noise, speech
from aecbench.scenes.rooms import ENGINES
from aecbench.scenes.spec import NOISE_KINDS
from aecbench.scenes.speech import SPEECH
from aecbench.systems import load_system

__all__ = ["LISTINGS", "listing"]

SHIPPED = "shipped"  # origin of a row that is not of another package


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
    """Return the class of a canceller without a card, or how to install it."""
    try:
        return f"{load_system(name).target}, not tuned"
    except NotInstalled as error:
        return str(error)


def _metrics() -> list[Row]:
    families = (Row(name, "opinion scores by a network; needs aecbench[aecmos]") for name in metrics.FAMILIES)
    return [*(Row(name, _metric(name)) for name in METRICS), *families, *_of_others(metrics.TABLE, _metric)]


def _metric(name: str) -> str:
    metric = metrics.find(name)
    return f"{' in '.join(filter(None, (metric.title, metric.unit)))}, {metric.better} is better"


def _sources() -> list[Row]:
    tables: dict[str, plugins.Table[Any]] = {"speech": speech.TABLE, "noise": noise.TABLE, "loudspeaker": devices.TABLE}
    shipped = {"speech": SPEECH, "noise": NOISE_KINDS, "loudspeaker": devices.DEVICES}
    rows = [Row(what, ", ".join(shipped[what])) for what in shipped]
    rows.append(Row("rooms", f"simulated ({', '.join(ENGINES)}), or measured responses in a folder or a manifest"))
    for what, table in tables.items():
        rows += [row._replace(name=f"{what} {row.name}") for row in _of_others(table, lambda name: "")]
    return rows


def _of_others(table: plugins.Table[Any], about: Callable[[str], str], taken: Collection[str] = ()) -> list[Row]:
    """Return what installed packages offer in a table, and why it cannot be used where that is the case."""
    rows = []
    for name, offered in offers(table.group).items():
        for offer in offered:
            text = f"not used: another {table.noun} has this name; use {offer.reference}"
            if name not in taken and not table.is_taken(name):
                try:
                    text = about(name) or offer.reference
                except AecbenchError as error:
                    text = str(error)
            rows.append(Row(name, text, offer.package))
    return rows


def _packs() -> list[Row]:
    states = {name: "fetched" if is_fetched(name) else f"not fetched: aecbench fetch {name}" for name in names("packs")}
    return [Row(name, f"{read_pack(name).summary}; {state}") for name, state in states.items()]


LISTINGS = {"recipes": _recipes, "models": _models, "metrics": _metrics, "sources": _sources, "packs": _packs}


def listing(what: Sequence[str]) -> RenderableType:
    """Return the chosen rows of LISTINGS, each as a small table: name, origin, description."""
    tables = []
    for name in what:
        grid = Table(title=name, title_justify="left", title_style="bold", box=None, show_header=False, padding=(0, 2))
        for row in LISTINGS[name]():
            grid.add_row(*map(escape, (row.name, row.origin, row.about)))
        tables.append(grid)
    return Group(*tables)
