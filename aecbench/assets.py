"""The data that ships with the package: recipes and baselines. Inside a wheel, or at the top of a checkout."""

from pathlib import Path

from aecbench.errors import UnknownName

__all__ = ["find", "folder", "names"]

PACKAGE = Path(__file__).parent


def folder(kind: str) -> Path:
    """The folder of "recipes" or "baselines"."""
    shipped = PACKAGE / "_shipped" / kind
    return shipped if shipped.is_dir() else PACKAGE.parent / kind


def names(kind: str) -> list[str]:
    """What is shipped of a kind, sorted: recipes without ".toml", baselines by folder."""
    return sorted(
        path.stem for path in folder(kind).iterdir() if path.suffix == ".toml" or (path / "card.toml").is_file()
    )


def find(kind: str, name: str) -> Path:
    """The recipe (a TOML file) or baseline (a folder with card.toml) of that name. Raises UnknownName."""
    known = names(kind)
    if name not in known:
        raise UnknownName(kind.removesuffix("s"), name, known)
    return folder(kind) / (f"{name}.toml" if kind == "recipes" else name)
