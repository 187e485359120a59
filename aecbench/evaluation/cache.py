"""Cached scores: one file per system and corpus, in which every line starts with the hash of its content.

A line is "SHA-256 JSON", appended in a single write when a scene is done. A line that was truncated because a run was
killed, or that has been edited, does not match its hash and is ignored.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aecbench import provenance
from aecbench.cancellers.abilities import Trait, traits
from aecbench.config import canonical_json, sha256
from aecbench.corpus import Corpus
from aecbench.errors import OutputError
from aecbench.evaluation.trial import ECHO, Scores
from aecbench.metrics import Metric, Score
from aecbench.output import new_folder
from aecbench.results import RTF
from aecbench.systems import System

__all__ = ["Cache", "open_cache", "read_scores", "write_scores"]

WITHOUT = "cache no scores: --no-cache"
CODE = ("cancellers", "dsp", "evaluation", "signals.py")  # parts of this package on which outputs and scores depend
LOADED = {".py", ".so", ".dylib", ".dll", ".pyd", ".onnx", ".pt", ".pth", ".safetensors", ".npy", ".npz"}
"""Suffixes of the files that a canceller from elsewhere may load: code, compiled libraries and weights."""


class Cache:
    """Facts by scene, about the subject that `key` identifies, in a file in `folder`.

    Raises OutputError if the file cannot be read or written.
    """

    def __init__(self, folder: Path, key: str) -> None:
        new_folder(folder, WITHOUT)
        self.path, self.key = folder / f"{key[:32]}.jsonl", key
        self._facts: dict[str, dict[str, Any]] = {}
        data = self._read()
        if data and not data.endswith(b"\n"):
            self._write(b"\n")
        for line in data.splitlines():
            digest, _, text = line.partition(b" ")
            if digest.decode("ascii", "replace") == self._hash(text):
                entry = json.loads(text)
                self._facts.setdefault(entry["scene"], {}).update(entry["facts"])

    def get(self, scene: str) -> dict[str, Any]:
        """Return the facts of a scene; an empty dictionary for an unknown one."""
        return self._facts.get(scene, {})

    def add(self, scene: str, facts: dict[str, Any]) -> None:
        """Store facts of a scene. They have to be JSON values; NaN is allowed."""
        self._facts.setdefault(scene, {}).update(facts)
        text = json.dumps({"scene": scene, "facts": facts}).encode()
        self._write(self._hash(text).encode() + b" " + text + b"\n")

    def _read(self) -> bytes:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be read ({error.strerror}); {WITHOUT}") from None

    def _hash(self, text: bytes) -> str:
        return sha256(self.key.encode() + text)

    def _write(self, line: bytes) -> None:
        try:
            with self.path.open("ab", buffering=0) as file:
                file.write(line)
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written ({error.strerror}); free space, or {WITHOUT}") from None


def open_cache(folder: Path, system: System, corpus: Corpus) -> Cache | None:
    """Return the cache of a system's scores on a corpus.

    None if the code of the system cannot be read, or its output may change while its code does not.
    """
    module = system.target.partition(":")[0]
    source, package = _source(module), Path(provenance.__file__).parent
    if source is None or Trait.UNVERSIONED in traits(system.canceller):
        return None
    code = [package / part for part in CODE]
    if not source.is_relative_to(package):
        top = _source(module.partition(".")[0]) or source
        files = top.parent.rglob("*") if top.name == "__init__.py" else source.parent.glob("*")
        code += [file for file in files if LOADED.intersection(file.suffixes) and file.is_file()]
    facts = [corpus.digest, system.hash, provenance.code(*code), provenance.versions(), provenance.machine()]
    return Cache(folder, sha256(canonical_json(facts)))


def read_scores(cache: Cache | None, scene: str, metrics: Mapping[str, Metric]) -> Scores:
    """Return the cached scores of a scene: those of `metrics`, RTF and ECHO that are in the cache."""
    facts = {} if cache is None else cache.get(scene)
    names = {metric: _name(metric, metrics) for metric in (*metrics, RTF, ECHO)}
    return {metric: Score(*facts[name]) for metric, name in names.items() if name in facts}


def write_scores(cache: Cache | None, scene: str, scores: Scores, metrics: Mapping[str, Metric]) -> None:
    """Cache the scores of a scene, except those that failed."""
    facts = {_name(metric, metrics): [x.value, x.reason] for metric, x in scores.items() if not x.failed}
    if cache is not None and facts:
        cache.add(scene, facts)


def _name(metric: str, metrics: Mapping[str, Metric]) -> str:
    """Return the key of a score: the metric, its version and, for metrics of other packages, the hash of their code."""
    if metric not in metrics:
        return metric
    fn = metrics[metric].fn
    module = str(getattr(getattr(fn, "func", fn), "__module__", ""))  # `func`: the function of a functools.partial
    own = "" if module.startswith("aecbench.") else f" {provenance.package_code(module)[:16]}"
    return f"{metric} {metrics[metric].version}{own}"


def _source(module: str) -> Path | None:
    """Return the file of an imported module; None if it has none."""
    file = getattr(sys.modules.get(module), "__file__", None)
    return None if file is None else Path(file)
