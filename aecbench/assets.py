"""The data that ships with the package, in a wheel or at the top of a checkout: recipes, baselines, packs, boards."""

from pathlib import Path

from aecbench.errors import UnknownName

__all__ = ["CARD", "find", "folder", "names"]

PACKAGE = Path(__file__).parent
CARD = "card.toml"  # in the folder of a baseline, or of any other system
SET = ".csv.xz"  # list of one set of a pack with many: PACK/SET


def folder(kind: str) -> Path:
    """Return the folder of "recipes", "baselines", "packs" or "leaderboards"."""
    shipped = PACKAGE / "_shipped" / kind
    return shipped if shipped.is_dir() else PACKAGE.parent / kind


def names(kind: str) -> list[str]:
    """Return the shipped names of a kind, sorted: recipes and packs without suffix, baselines by folder, PACK/SET."""
    return sorted(_shipped(kind))


def find(kind: str, name: str) -> Path:
    """Return the path of a recipe (TOML), pack (CSV, TOML, CSV.XZ) or baseline (folder). Raises UnknownName."""
    paths = _shipped(kind)
    if name not in paths:
        raise UnknownName(kind.removesuffix("s"), name, paths)
    return paths[name]


def _shipped(kind: str) -> dict[str, Path]:
    shipped = {
        path.stem: path
        for path in folder(kind).iterdir()
        if path.suffix in (".csv", ".toml") or (path / CARD).is_file()
    }
    sets = {f"{path.parent.name}/{path.name.removesuffix(SET)}": path for path in folder(kind).glob(f"*/*{SET}")}
    return shipped | sets
