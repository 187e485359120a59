"""From text to checked values: TOML into pydantic models, overrides, canonical JSON and its hash."""

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
    """The table in a TOML file. Raises ConfigError with the line where it cannot be read."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from None


def parse(model: type[Model], data: Mapping[str, Any], where: str) -> Model:
    """`data` as a `model`. Raises ConfigError naming the first wrong key, what it holds and what is allowed.

    `where` names the file or option the data comes from.
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
        return f"{key}: {message}" if key else message  # what concerns several keys names them itself
    if error["type"] in ("model_type", "dict_type"):
        message = "expected a table of keys"
    message = message.partition(", got ")[0].replace("Input should be", "expected")  # pydantic tells the kind of some
    return f"{key or 'all of it'}: {message}, got {error['input']!r}"


def _is_tag(part: Any) -> bool:
    """Pydantic puts the names of union members into a location; keys of ours have no such form."""
    return isinstance(part, str) and part.startswith("<")


def _keys(model: Any, location: tuple[Any, ...]) -> list[str]:
    """Field names of the model that stands at `location` inside `model`."""
    for part in location:
        if isinstance(model, type) and issubclass(model, BaseModel) and part in model.model_fields:
            model = model.model_fields[part].annotation
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []


def assign(data: dict[str, Any], key: str, value: Any) -> None:
    """Set one value inside nested tables, in place; tables that are not there are made.

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
    """Apply a text "key.path=value", in place. The value is TOML; what is not TOML is taken as a string.

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
    except tomllib.TOMLDecodeError:
        value = text.strip()
    assign(data, key.strip(), value)


def canonical_json(value: Any) -> str:
    """The one JSON text of a value: sorted keys, no spaces, UTF-8, no NaN.

    >>> canonical_json({"b": 1, "a": [0.5, None]})
    '{"a":[0.5,null],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def sha256(data: str | bytes) -> str:
    """Hexadecimal SHA-256 of bytes, or of a text in UTF-8."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()
