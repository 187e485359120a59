"""Recipes: the specification of a corpus from a shipped name or a TOML file, with the changes a caller asks for."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aecbench.assets import find
from aecbench.config import assign, override, parse, read_toml
from aecbench.errors import UnknownName
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
    """The specification in `recipe`: a shipped name, the path of a TOML file, or a specification to change.

    `assignments` are texts "key.path=value", `options` values by key path (None: not given). `split` keeps one split
    only, `scenes` sets the number of scenes of every split that has any.
    Raises UnknownName, and ConfigError naming the key that is wrong.
    """
    data, where = _read(recipe)
    for assignment in assignments:
        override(data, assignment)
    for key, value in (options or {}).items():
        if value is not None:
            assign(data, key, str(value) if isinstance(value, Path) else value)
    return _restricted(parse(CorpusSpec, data, where), split, scenes)


def _read(recipe: str | Path | CorpusSpec) -> tuple[dict[str, Any], str]:
    """Return the contents of a recipe, and its name for messages."""
    if isinstance(recipe, CorpusSpec):
        return recipe.model_dump(mode="json"), f"specification {recipe.name}"
    if isinstance(recipe, Path) or recipe.endswith(".toml"):
        return read_toml(Path(recipe)), str(recipe)
    return read_toml(find("recipes", recipe)), f"recipe {recipe}"


def _restricted(spec: CorpusSpec, split: str | None, scenes: int | None) -> CorpusSpec:
    counts = {name: count for name, count in spec.splits.model_dump().items() if count}
    if split is not None and split not in counts:
        raise UnknownName("split", split, counts or SPLITS)
    wanted = {name: scenes or count for name, count in counts.items() if split in (None, name)}
    return spec.model_copy(update={"splits": type(spec.splits)(**wanted)})
