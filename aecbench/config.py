"""Conversion from text to validated values: TOML to pydantic models, overrides, canonical JSON and its hash."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from aecbench.errors import ConfigError, UsageError, did_you_mean

__all__ = ["assign", "canonical_json", "override", "parse", "read_toml", "sha256"]

Model = TypeVar("Model", bound=BaseModel)


def read_toml(path: Path) -> dict[str, Any]:
    """Return the table in a TOML file. Raises ConfigError if it cannot be read or is invalid, with the line."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from None


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


def assign(data: dict[str, Any], key: str, value: Any) -> None:
    """Set one value inside nested tables, in place, and create missing tables. Raises UsageError.

    >>> data = {"levels": {"ser": 0}}
    >>> assign(data, "levels.ser", 5)
    >>> assign(data, "speech.source", "espeak")
    >>> data
    {'levels': {'ser': 5}, 'speech': {'source': 'espeak'}}
    """
    *tables, last = key.split(".")
    for name in tables:
        data = data.setdefault(name, {})
        if not isinstance(data, dict):
            raise UsageError(f"cannot set {key!r}: {name!r} is a value, not a table")
    data[last] = value


def override(data: dict[str, Any], assignment: str) -> None:
    """Apply an assignment "key.path=value", in place. The value is TOML, or else a string.

    Raises UsageError if the key or the value is missing, or if a value that begins like a table or a list is not TOML.

    >>> data = {}
    >>> override(data, "levels.ser={uniform=[-10, 10]}")
    >>> override(data, "speech.source=espeak")
    >>> data
    {'levels': {'ser': {'uniform': [-10, 10]}}, 'speech': {'source': 'espeak'}}
    """
    key, separator, text = assignment.partition("=")
    if not separator or not key.strip():
        raise UsageError(f"--set {assignment!r}: expected key.path=value, e.g. --set levels.ser=0")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError as error:
        value = text.strip()
        if value.startswith(("{", "[")):
            raise UsageError(
                f"--set {assignment!r}: {value} is not TOML ({error}); write words inside it in quotes, "
                """e.g. '{choice=["linear", "hard_clip"]}'"""
            ) from None
    assign(data, key.strip(), value)


def canonical_json(value: Any) -> str:
    """Return the canonical JSON of a value: sorted keys, no spaces, UTF-8, no NaN.

    >>> canonical_json({"b": 1, "a": [0.5, None]})
    '{"a":[0.5,null],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256(data: str | bytes) -> str:
    """Return the hexadecimal SHA-256 of bytes, or of a string in UTF-8."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()
