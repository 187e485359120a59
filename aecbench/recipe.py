"""Recipes: the specification of a corpus, from a shipped name or a TOML file, with changes of the caller."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aecbench.assets import find
from aecbench.config import assign, override, read_toml
from aecbench.errors import ConfigError, UnknownName
from aecbench.record import parse
from aecbench.scenes.distribution import FORMS
from aecbench.scenes.files import SPLITS
from aecbench.scenes.spec import CorpusSpec

__all__ = ["read_recipe"]


def read_recipe(
    recipe: str | Path | CorpusSpec,
    assignments: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
    *,
    split: str | None = None,
    scenes: int | None = None,
) -> CorpusSpec:
    """Return the specification in `recipe`: a shipped name, the path of a TOML file, or a specification to change.

    A specification without changes is returned as it is. A recipe may name another one as its `base`, which may have a
    base too, and then contains only the differences. `assignments` are strings "key.path=value", `options` are values
    by key path (None: not set).
    `split` keeps one split only, `scenes` sets the number of scenes of every split that has any. Raises UnknownName for
    an unknown recipe or split, ConfigError with the invalid key.
    """
    changes = {key: str(value) if isinstance(value, Path) else value for key, value in (options or {}).items()}
    changes = {key: value for key, value in changes.items() if value is not None}
    if isinstance(recipe, CorpusSpec) and not (assignments or changes):
        return _restricted(recipe, split, scenes)
    data, origin = _read(recipe)
    for assignment in assignments:
        override(data, assignment)
    for key, value in changes.items():
        assign(data, key, value)
    return _restricted(parse(CorpusSpec, data, origin), split, scenes)


def _read(recipe: str | Path | CorpusSpec) -> tuple[dict[str, Any], str]:
    """Return the contents of a recipe, and its name for messages."""
    if isinstance(recipe, CorpusSpec):
        return recipe.model_dump(mode="json"), f"specification {recipe.name}"
    path, origin = _found(recipe)
    return _completed(read_toml(path), origin), origin


def _found(recipe: str | Path) -> tuple[Path, str]:
    """Return the file of a recipe, and its name for messages."""
    if isinstance(recipe, Path) or recipe.endswith(".toml"):
        return Path(recipe), str(recipe)
    return find("recipes", recipe), f"recipe {recipe}"


def _completed(data: dict[str, Any], origin: str, above: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return a recipe completed with the values of its base; `above` are the recipes that are based on it."""
    base = data.pop("base", None)
    if base is None:
        return data
    if not isinstance(base, str):
        raise ConfigError(f"{origin}: base is {base!r}, expected the name of a recipe in quotes")
    path, called = _found(base)
    if called in (*above, origin):
        raise ConfigError(f"{origin}: its base, {called}, is based on {origin} itself; name another recipe")
    if not os.access(path, os.F_OK):
        raise ConfigError(f"{origin}: its base, {base}, is not a file in {Path.cwd()}; correct its path")
    return _merged(_completed(read_toml(path), called, (*above, origin)), data)


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Merge tables key by key; numbers, strings, lists and distributions are replaced."""
    merged = dict(base)
    for key, value in changes.items():
        table = isinstance(value, dict) and isinstance(merged.get(key), dict) and not {*FORMS, "clip"} & {*value}
        merged[key] = _merged(merged[key], value) if table else value
    return merged


def _restricted(spec: CorpusSpec, split: str | None, scenes: int | None) -> CorpusSpec:
    if split is None and scenes is None:
        return spec
    counts = {name: count for name, count in spec.splits.model_dump().items() if count}
    if split is not None and split not in counts:
        raise UnknownName("split", split, counts or SPLITS)
    sizes = {name: count if scenes is None else scenes for name, count in counts.items() if split in (None, name)}
    return spec.model_copy(update={"splits": parse(type(spec.splits), sizes, "number of scenes")})
