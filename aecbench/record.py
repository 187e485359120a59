"""Base of all records that are read from or written to text, immutable and without unknown keys, and their parser."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aecbench.errors import ConfigError, did_you_mean

__all__ = ["Frozen", "added", "parse"]

Model = TypeVar("Model", bound=BaseModel)


class Frozen(BaseModel):
    """An immutable record that rejects unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def added(default: Any) -> Any:
    """Declare a field that was added later: it is left out of the text of a record if it has its default.

    Recipes without the field thus keep their scenes, corpora and digests unchanged.
    """
    return Field(default, exclude_if=lambda value: value == default)


def parse(model: type[Model], data: Mapping[str, Any], where: str) -> Model:
    """Return `data` as an instance of `model`.

    `where` names the file or option from which the data comes. Raises ConfigError with the first invalid key, its value
    and the allowed values.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{where}: {_explain(model, first)}") from None


def _explain(model: type[BaseModel], error: Any) -> str:
    path = [part for part in error["loc"] if not _is_tag(part)]
    key = ".".join(map(str, path))
    if error["type"] == "extra_forbidden":
        return f"unknown key {key!r}: {did_you_mean(str(path[-1]), _keys(model, error['loc'][:-1]))}"
    if error["type"] == "missing":
        return f"missing key {key!r}"
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "value_error":
        return f"{key}: {message}" if key else message  # messages about several keys name them
    if error["type"] in ("model_type", "dict_type"):
        message = "expected a table of keys"
    message = message.partition(", got ")[0].replace("Input should be", "expected")  # pydantic may add the value's type
    message = re.sub("^(String|Tuple|List|Dictionary) should (have|match) ", "expected ", message)
    return f"{key or 'all of it'}: {message}, got {error['input']!r}"


def _is_tag(part: Any) -> bool:
    """Return whether a part of a location is not a key but the name of a union member, which pydantic inserts."""
    return isinstance(part, str) and part.startswith("<")


def _keys(model: Any, location: tuple[Any, ...]) -> list[str]:
    """Return the field names of the model at `location` inside `model`."""
    for part in location:
        if isinstance(model, type) and issubclass(model, BaseModel) and part in model.model_fields:
            model = model.model_fields[part].annotation
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []
