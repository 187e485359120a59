"""The data that ships with the package, in a wheel or at the top of a checkout: recipes, baselines, packs, boards."""

from pathlib import Path

from aecbench.errors import UnknownName

__all__ = ["find", "folder", "names"]

PACKAGE = Path(__file__).parent


def folder(kind: str) -> Path:
    """The folder of "recipes", "baselines", "packs" or "leaderboards"."""
    shipped = PACKAGE / "_shipped" / kind
    return shipped if shipped.is_dir() else PACKAGE.parent / kind


def names(kind: str) -> list[str]:
    """Return the shipped names of a kind, sorted: recipes and packs without their suffix, baselines by folder."""
    return sorted(_shipped(kind))


def find(kind: str, name: str) -> Path:
    """The recipe (TOML), pack (CSV or TOML) or baseline (a folder with card.toml) of that name. Raises UnknownName."""
    known = _shipped(kind)
    if name not in known:
        raise UnknownName(kind.removesuffix("s"), name, known)
    return known[name]


def _shipped(kind: str) -> dict[str, Path]:
    return {
        path.stem: path
        for path in folder(kind).iterdir()
        if path.suffix in (".csv", ".toml") or (path / "card.toml").is_file()
    }
