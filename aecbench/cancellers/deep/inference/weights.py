"""Weights of a network from a file: never unpickled, of the digest in the card, and of the shapes it expects."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray
from safetensors import SafetensorError

from aecbench.config import sha256
from aecbench.errors import ConfigError

__all__ = ["Weights", "load_arrays", "read_weights"]


def read_weights(path: Path, digest: str | None = None) -> bytes:
    """Return the contents of a file of weights. Raises ConfigError where it cannot be read or has another digest."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); it belongs beside its card") from None
    if digest is not None and sha256(data) != digest:
        raise ConfigError(f"{path}: has SHA-256 {sha256(data)}, expected {digest}; get it again")
    return data


def load_arrays(path: Path, digest: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of a safetensors file by name. Raises ConfigError as `read_weights`, and for other files."""
    try:
        return safetensors.numpy.load(read_weights(path, digest))
    except SafetensorError as error:
        raise ConfigError(f"{path}: is not a safetensors file ({error}); get it again") from None


class Weights:
    """Arrays by name. A network takes each of them once, with the shape that it expects."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]], path: Path) -> None:
        """`path` is named in errors."""
        self.path, self._left, self._prefix = path, dict(arrays), ""

    def part(self, name: str) -> "Weights":
        """Return the weights of a part, whose names begin with `name` and a point."""
        part = Weights({}, self.path)
        part._left, part._prefix = self._left, f"{self._prefix}{name}."
        return part

    def take(self, name: str, *shape: int) -> NDArray[np.float32]:
        """Return an array [*shape]. Raises ConfigError where it is missing, or of another shape or type."""
        array = self._left.pop(self._prefix + name, None)
        got = "missing" if array is None else f"{array.dtype} {list(array.shape)}"
        if array is None or got != f"float32 {list(shape)}":
            raise self._error(name, got, f"float32 {list(shape)}")
        return array

    def finish(self) -> None:
        """Raise ConfigError where an array was not taken."""
        if self._left:
            name = min(self._left)
            array = self._left[name]
            raise self._error(name, f"{array.dtype} {list(array.shape)}", "missing")

    def _error(self, name: str, got: str, expected: str) -> ConfigError:
        return ConfigError(
            f"{self.path}: {self._prefix}{name} is {got}, expected {expected}; it belongs to another network"
        )
