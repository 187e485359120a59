"""Text and values: TOML, overrides of its keys, canonical JSON and its hash."""

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

from aecbench.errors import ConfigError, UsageError

__all__ = ["assign", "canonical_json", "override", "read_toml", "sha256"]


def read_toml(path: Path) -> dict[str, Any]:
    """Return the table in a TOML file. Raises ConfigError if it cannot be read or is invalid, with the line."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error})") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: is not TOML: {error}") from None


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
