"""Scores that are kept: a file of lines per system and corpus, each with the hash of what it says.

A line is "SHA-256 JSON", written in one go when the scene is done. Lines that were cut off when a run was killed, or
edited since, do not match their hash and are not read.
"""

import json
from pathlib import Path
from typing import Any

from aecbench.config import sha256
from aecbench.errors import OutputError
from aecbench.output import new_folder

__all__ = ["Cache"]

WITHOUT = "keep no scores: --no-cache"


class Cache:
    """Facts by scene, of whatever the `key` identifies, in a file in `folder`. Raises OutputError."""

    def __init__(self, folder: Path, key: str) -> None:
        """Reads what is there."""
        new_folder(folder, WITHOUT)
        self.path, self.key = folder / f"{key[:32]}.jsonl", key
        self._facts: dict[str, dict[str, Any]] = {}
        data = self._read()
        if data and not data.endswith(b"\n"):
            self._write(b"\n")
        for line in data.splitlines():
            found, _, text = line.partition(b" ")
            if found.decode("ascii", "replace") == self._hash(text):
                entry = json.loads(text)
                self._facts.setdefault(entry["scene"], {}).update(entry["facts"])

    def get(self, scene: str) -> dict[str, Any]:
        """Return the scores that are cached for a scene, none for an unknown one."""
        return self._facts.get(scene, {})

    def add(self, scene: str, facts: dict[str, Any]) -> None:
        """Keep facts, as JSON has them, NaN among them."""
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
