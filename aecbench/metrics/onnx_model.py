"""Networks in ONNX files, from an installed package or the user: loaded once per process and run on one thread."""

import functools
import hashlib
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from aecbench.errors import MissingExtra, UsageError
from aecbench.onnx_session import load_session
from aecbench.signals import Array

__all__ = ["Inputs", "check", "fingerprint", "installed", "remembered", "run", "which"]

EXTRA = "aecmos"
PACKAGE = "speechmos"  # Microsoft's wheel with the files; only its folder is used, because its code needs librosa

KEPT = 128  # number of cached results, of a few bytes each

Shape = tuple[int | None, ...]  # None: any length
Inputs = Mapping[str | None, Shape]  # by name, in this order; None: any name


def installed(file: str) -> Path:
    """Return the path of a model file, given its path within PACKAGE. Raises MissingExtra if that is not installed."""
    spec = find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra(f"{PACKAGE}, which carries the models of AECMOS and DNSMOS,", EXTRA)
    return Path(spec.submodule_search_locations[0]) / file


def check(path: Path, expected: Inputs) -> None:
    """Raise UsageError unless the model has these inputs, and MissingExtra without onnxruntime."""
    which(path, {"": expected})


def which(path: Path, expected: Mapping[str, Inputs]) -> str:
    """Return the key in `expected` whose inputs are those of the model.

    Raises UsageError if there is none, and MissingExtra without onnxruntime.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file; give the path of an ONNX model")
    signature = [(node.name, tuple(node.shape)) for node in _session(path).get_inputs()]
    for key, inputs in expected.items():
        if len(signature) == len(inputs) and all(map(_fits, signature, inputs.items())):
            return key
    choices = " or ".join(
        ", ".join(f"{name or 'any name'} {list(shape)}" for name, shape in inputs.items())
        for inputs in expected.values()
    )
    got = ", ".join(f"{name} {list(shape)}" for name, shape in signature)
    raise UsageError(f"{path}: takes {got}, expected {choices}; give another model")


def _fits(node: tuple[str, tuple[Any, ...]], expected: tuple[str | None, Shape]) -> bool:
    """Return whether an input is the expected one. A variable length of the model is a name or None, not a number."""
    (name, shape), (label, lengths) = node, expected
    fit = all(n == m or m is None or not isinstance(n, int) for n, m in zip(shape, lengths, strict=False))
    return label in (None, name) and len(shape) == len(lengths) and fit


def remembered(function: Callable[..., Array]) -> Callable[..., Array]:
    """Cache the last results of a function of a path and arrays: several metrics read outputs of the same network."""
    results: dict[bytes, Array] = {}

    @functools.wraps(function)
    def lookup(path: Path, *inputs: Array) -> Array:
        arrays = [np.ascontiguousarray(x, np.float32) for x in inputs]
        key = hashlib.sha256(b"".join([str(path).encode(), *(x.tobytes() for x in arrays)])).digest()
        if key not in results:
            results[key] = function(path, *arrays)
            while len(results) > KEPT:
                del results[next(iter(results))]
        return results[key]

    return lookup


@remembered
def run(path: Path, *inputs: Array) -> Array:
    """Return the first output of the model for its inputs, in their order, as float32 [...]."""
    session = _session(path)
    names = [node.name for node in session.get_inputs()]
    return np.asarray(session.run(None, dict(zip(names, inputs, strict=True)))[0])


def fingerprint(path: Path) -> int:
    """Return the first 32 bits of the file's SHA-256: the version of a metric whose values depend on the file."""
    return int(hashlib.sha256(path.read_bytes()).hexdigest()[:8], 16)


@functools.cache
def _session(path: Path) -> Any:
    return load_session(path, EXTRA, UsageError, "give the path of an ONNX model")
