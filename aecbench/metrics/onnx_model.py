"""Models in ONNX files that the user has: loaded once per process, run on one thread."""

import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aecbench.errors import UsageError
from aecbench.onnx_session import load_session
from aecbench.signals import Array

__all__ = ["Inputs", "check", "fingerprint", "run"]

Shape = tuple[int | None, ...]  # None: any length
Inputs = Mapping[str | None, Shape]  # by name, in this order; None: any name


def check(path: Path, expected: Inputs) -> None:
    """Raise UsageError unless the model takes these inputs.

    Raises MissingExtra without onnxruntime.
    """
    inputs = [(given.name, tuple(given.shape)) for given in _session(path).get_inputs()]
    if len(inputs) != len(expected) or not all(map(_fits, inputs, expected.items())):
        wanted = ", ".join(f"{name or 'any name'} {list(shape)}" for name, shape in expected.items())
        got = ", ".join(f"{name} {list(shape)}" for name, shape in inputs)
        raise UsageError(f"{path}: takes {got}, expected {wanted}; give another model")


def _fits(given: tuple[str, tuple[Any, ...]], expected: tuple[str | None, Shape]) -> bool:
    """A length that the model leaves open has a name, or None, instead of a number."""
    (name, shape), (wanted, lengths) = given, expected
    fit = all(n == m or m is None or not isinstance(n, int) for n, m in zip(shape, lengths, strict=False))
    return wanted in (None, name) and len(shape) == len(lengths) and fit


def run(path: Path, *inputs: Array) -> Array:
    """The first output of the model for its inputs, in their order, as float32 [...]."""
    session = _session(path)
    names = [given.name for given in session.get_inputs()]
    feed = {name: x.astype("float32") for name, x in zip(names, inputs, strict=True)}
    output: Array = session.run(None, feed)[0]
    return output


def fingerprint(path: Path) -> int:
    """32 bits of the SHA-256 of the file: the version of a metric that another file would change."""
    return int(hashlib.sha256(path.read_bytes()).hexdigest()[:8], 16)


@functools.cache
def _session(path: Path) -> Any:
    return load_session(path, "aecmos", UsageError, "give the path of an ONNX model")
