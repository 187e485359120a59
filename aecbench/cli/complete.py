"""Names for shell completion. The shell asks for them at every Tab, so they are read without importing much."""

from collections.abc import Callable, Iterable
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from aecbench.tables import keys

__all__ = [
    "boards",
    "layouts",
    "listings",
    "metrics",
    "models",
    "networks",
    "packs",
    "recipes",
    "splits",
    "trainings",
]

Hook = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _completer(find: Callable[[click.Context], Iterable[str]], otherwise: str | None = None) -> Hook:
    """Return a hook that completes the names that `find` returns, or else a "file" or a "dir"."""

    def complete(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
        items = [CompletionItem(name) for name in sorted(find(context)) if name.startswith(incomplete)]
        return items or ([CompletionItem(incomplete, type=otherwise)] if otherwise else [])

    return complete


def _shipped(kind: str) -> list[str]:
    from aecbench.assets import names

    return names(kind)


def _models(_: click.Context) -> Iterable[str]:
    from aecbench.cancellers import CANCELLERS, TABLE

    return {*_shipped("baselines"), *CANCELLERS, *TABLE.offered}


def _metrics(_: click.Context) -> Iterable[str]:
    from aecbench.plugins import offers

    families = (*keys("metrics/aecmos.py", "NETWORKS"), "dnsmos")
    return {*keys("metrics/__init__.py", "METRICS"), *families, *offers("aecbench.metrics")}


def _networks(_: click.Context) -> Iterable[str]:
    from aecbench.cancellers.deep import DEEP

    return DEEP


def _boards(context: click.Context) -> Iterable[str]:
    from aecbench.assets import folder

    local = Path("leaderboards")
    boards = context.params.get("boards") or (local if local.is_dir() else folder("leaderboards"))
    return [path.parent.name for path in boards.glob("*/board.toml")]


def _keys(module: str, table: str) -> Callable[[click.Context], list[str]]:
    return lambda _: keys(module, table)


models = _completer(_models, "dir")
networks = _completer(_networks)
recipes = _completer(lambda _: _shipped("recipes"), "file")
trainings = _completer(lambda _: _shipped("recipes/train"), "file")
packs = _completer(lambda _: _shipped("packs"))
boards = _completer(_boards)
metrics = _completer(_metrics)
listings = _completer(_keys("report/listing.py", "LISTINGS"))
layouts = _completer(_keys("corpus/layouts/__init__.py", "LAYOUTS"))
splits = _completer(lambda _: ("train", "val", "test"))
