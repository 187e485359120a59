"""Listings of recipes, models, metrics, sources and packs, shipped and from other packages.

They are read from files and source code without importing the entries, because torch alone takes seconds.
"""

import re
from collections.abc import Callable, Collection, Sequence
from importlib import import_module
from itertools import takewhile
from typing import Any, NamedTuple

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table

from aecbench import plugins
from aecbench.assets import CARD, find, names
from aecbench.cancellers import CANCELLERS
from aecbench.cancellers.external.needs import NEEDS
from aecbench.config import read_toml
from aecbench.errors import AecbenchError, NotInstalled
from aecbench.packs import data_folder, read_pack
from aecbench.tables import docstring, keys, rows

__all__ = ["LISTINGS", "listing"]

SHIPPED = "shipped"  # origin of entries that need no other package or library
CANCELLER, METRIC = "aecbench.cancellers", "aecbench.metrics"  # groups of entry points
TABLES = {  # of each group of entry points: the module whose TABLE they extend
    CANCELLER: "aecbench.cancellers",
    METRIC: "aecbench.metrics",
    "aecbench.speech": "aecbench.scenes.speech",
    "aecbench.noises": "aecbench.scenes.noise",
    "aecbench.loudspeakers": "aecbench.scenes.devices",
}


class Row(NamedTuple):
    """A line of a listing."""

    name: str
    about: str
    origin: str = SHIPPED  # or the package or library that provides the entry


def _recipes() -> list[Row]:
    recipes = {name: read_toml(find("recipes", name)) for name in names("recipes")}
    listed = []
    for name, recipe in recipes.items():
        both = (recipe, recipes.get(recipe.get("base", ""), {}))  # the base of a recipe supplies missing values
        counts = {split: _stated(both, "splits", split) for split in ("train", "val", "test")}
        scenes = ", ".join(f"{n} {split}" for split, n in counts.items() if n)
        duration, source = _stated(both, "duration"), _stated(both, "speech", "source")
        about = f"{scenes} scenes of {duration:g} s, speech from {source}"
        listed.append(Row(name, f"{_first_sentence(_heading(name))} {about}"))
    return listed


def _heading(recipe: str) -> str:
    """Return the comment at the start of a recipe."""
    lines = find("recipes", recipe).read_text(encoding="utf-8").splitlines()
    return " ".join(line.lstrip("# ") for line in takewhile(lambda line: line.startswith("#"), lines))


def _first_sentence(text: str) -> str:
    return " ".join(re.split(r"(?<=\.)\s", text, maxsplit=1)[0].split())


def _stated(recipes: Sequence[dict[str, Any]], *path: str) -> Any:
    """Return the value at a path of keys in the first recipe that has one, or None."""
    for value in recipes:
        for key in path:
            value = value.get(key, {})
        if value != {}:
            return value
    return None


def _models() -> list[Row]:
    baselines = {name: Row(name, read_toml(find("baselines", name) / CARD)["summary"]) for name in names("baselines")}
    others = {name: target for name, target in CANCELLERS.items() if name not in baselines}
    bare = [Row(name, _bare(name, target), _origin(name)) for name, target in others.items()]
    return [*baselines.values(), *bare, *_of_others(CANCELLER, _untuned, baselines)]


def _origin(canceller: str) -> str:
    return NEEDS[canceller].title if canceller in NEEDS else SHIPPED


def _bare(name: str, target: str) -> str:
    """Return the first sentence about the class of a canceller without a card, or how to install it."""
    if name in NEEDS:
        try:
            NEEDS[name].check()
        except NotInstalled as error:
            return str(error)
    module, kind = target.split(":")
    return _first_sentence(docstring(f"{module.removeprefix('aecbench.').replace('.', '/')}.py", kind))


def _untuned(name: str) -> str:
    """Return the class of a canceller that another package offers, or how to install it."""
    from aecbench.systems import load_system

    try:
        return f"{load_system(name).target}, not tuned"
    except NotInstalled as error:
        return str(error)


def _metrics() -> list[Row]:
    table = rows("metrics/__init__.py", "METRICS").items()
    shipped = [Row(name, f"{_read_as(**facts)}. {about_metric(name)}") for name, facts in table]
    networks = (*keys("metrics/aecmos.py", "NETWORKS"), *keys("metrics/__init__.py", "FAMILIES"))
    families = (Row(name, "opinion scores by a network; needs aecbench[aecmos]") for name in networks)
    return [*shipped, *families, *_of_others(METRIC, _metric)]


def about_metric(name: str) -> str:
    """Return the first sentence about a shipped metric, from its module; "" for one of another package.

    >>> about_metric("erle_true"), about_metric("mine:METRIC")
    ('Echo return loss enhancement (ERLE) relative to the true echo; valid in double talk too.', '')
    """
    return _first_sentence(_metric_docstring(name))


def _metric_docstring(name: str) -> str:
    """Return the docstring of the module of a metric; convergence_10 is in convergence.py, dnsmos_sig in dnsmos.py."""
    family = name.partition("_")[0]
    stems = [name, name.rpartition("_")[0], *([family] if family in keys("metrics/__init__.py", "FAMILIES") else [])]
    return next(filter(None, (docstring(f"metrics/{stem}.py") for stem in stems)), "")


def _metric(name: str) -> str:
    from aecbench.metrics import find

    metric = find(name)
    return _read_as(metric.title, metric.unit, metric.better)


def _read_as(title: str, unit: str, better: str, **_: Any) -> str:
    return f"{' in '.join(filter(None, (title, unit)))}, {better} is better"


def _sources() -> list[Row]:
    noises = keys("scenes/noise/__init__.py", "NOISES")
    listed = {
        "speech": keys("scenes/speech/__init__.py", "SPEECH"),
        "noise": ["none", "babble", "recorded", *noises],
        "loudspeaker": keys("scenes/devices/__init__.py", "DEVICES"),
    }
    engines = ", ".join(keys("scenes/rooms/__init__.py", "ENGINES"))
    shipped = [Row(kind, ", ".join(entries)) for kind, entries in listed.items()]
    shipped.append(Row("rooms", f"simulated ({engines}), or measured responses in a folder or a manifest"))
    groups = ("aecbench.speech", "aecbench.noises", "aecbench.loudspeakers")
    for kind, group in zip(listed, groups, strict=True):
        shipped += [row._replace(name=f"{kind} {row.name}") for row in _of_others(group, lambda name: "")]
    return shipped


def _of_others(group: str, about: Callable[[str], str], taken: Collection[str] = ()) -> list[Row]:
    """Return the entries that installed packages add to a table; for unusable ones, with the reason."""
    listed = []
    for name, offered in plugins.offers(group).items():
        table: plugins.Table[Any] = import_module(TABLES[group]).TABLE
        for offer in offered:
            text = f"not used: another {table.noun} has this name; use {offer.reference}"
            if name not in taken and not table.is_taken(name):
                try:
                    text = about(name) or offer.reference
                except AecbenchError as error:
                    text = str(error)
            listed.append(Row(name, text, offer.package))
    return listed


def _packs() -> list[Row]:
    packs, data = {name: read_pack(name) for name in names("packs")}, data_folder()
    states = {name: "not fetched: aecbench fetch " + name for name, pack in packs.items() if pack.place(data) is None}
    return [Row(name, f"{pack.summary}; {states.get(name, 'fetched')}") for name, pack in packs.items()]


LISTINGS = {"recipes": _recipes, "models": _models, "metrics": _metrics, "sources": _sources, "packs": _packs}


def listing(what: Sequence[str]) -> RenderableType:
    """Return the chosen entries of LISTINGS, each as a small table with name, origin and description."""
    tables = []
    for name in what:
        grid = Table(title=name, title_justify="left", title_style="bold", box=None, show_header=False, padding=(0, 2))
        for row in LISTINGS[name]():
            grid.add_row(*map(escape, (row.name, row.origin, row.about)))
        tables.append(grid)
    return Group(*tables)
