"""An external program that reads and writes WAV files, run on one signal after the other."""

import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import numpy as np
import soundfile

from aecbench.cancellers.abilities import Trait
from aecbench.cancellers.external.frames import say_clipped
from aecbench.cancellers.external.predictions import read_estimate
from aecbench.errors import AecbenchError, UsageError
from aecbench.signals import Array

__all__ = ["Command"]

FILES = ("mic", "far", "out")
SAID = 200  # last characters of a failing program's output that the error message quotes


@dataclass(frozen=True)
class Command:
    """A program that is run as `prog {mic} {far} {out}`, where the names in braces stand for WAV files.

    The files {mic} and {far} have 16 bits and lie in a temporary folder. The program runs without a shell in `folder`;
    it has to write {out} at the rate and length of {mic}, time-aligned with it. Raises UsageError if one of the names
    is missing or the program does not exist.
    """

    traits: ClassVar = frozenset({Trait.UNVERSIONED, Trait.UNKNOWN_LATENCY, Trait.SEPARATE_PROCESS})
    command: str
    rate: int = 16_000  # sample rate of the files [Hz]
    folder: Path = Path()  # working directory of the program; by default the current one

    def __post_init__(self) -> None:
        for name in FILES:
            if f"{{{name}}}" not in self.command:
                raise UsageError(
                    f"command {self.command!r}: has no {{{name}}}; expected 'prog {{mic}} {{far}} {{out}}'"
                )
        try:
            words = shlex.split(self.command)
        except ValueError as error:
            raise UsageError(f"command {self.command!r}: cannot be split into words ({error})") from None
        if shutil.which(self._program(words[0])) is None:
            raise UsageError(f"command {self.command!r}: no program {words[0]!r}; check the name and its permissions")

    @property
    def sample_rate(self) -> int:
        """The rate of the files [Hz]."""
        return self.rate

    @property
    def latency(self) -> int:
        """0, because it is unknown: the program has to compensate for its own delay."""
        return 0

    def cancel(self, mic: Array, far: Array) -> Array:
        """Run the program for one signal after the other: mic and far [..., T] in [-1, 1] -> float32 [..., T].

        Raises AecbenchError if the program fails or writes no file, AudioError if {out} has another rate or length.
        """
        out = np.empty(mic.shape, np.float32)
        for signal in np.ndindex(mic.shape[:-1]):
            out[signal] = self._run(mic[signal], far[signal])
        return out

    def _program(self, word: str) -> str:
        """Return the program for the first word: a path is relative to `folder`, a bare name is looked up in PATH."""
        return str(self.folder.absolute() / word) if "/" in word else word

    def _run(self, mic: Array, far: Array) -> Array:
        with TemporaryDirectory(prefix="aecbench-") as folder:
            paths = {name: Path(folder) / f"{name}.wav" for name in FILES}
            words = shlex.split(self.command)
            for name, x in (("mic", mic), ("far", far)):
                say_clipped(x, words[0])
                soundfile.write(paths[name], x, self.rate, subtype="PCM_16")
            for name, path in paths.items():
                words = [word.replace(f"{{{name}}}", str(path)) for word in words]
            words[0] = self._program(words[0])
            process = subprocess.run(words, cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, check=False)
            if process.returncode:
                message = (process.stderr or process.stdout).decode(errors="replace").strip()[-SAID:]
                raise AecbenchError(f"{words[0]} ended with {process.returncode}: {message or 'it said nothing'}")
            if not paths["out"].exists():
                raise AecbenchError(f"{words[0]} ended well, but wrote no {{out}}")
            return read_estimate(paths["out"], mic.size, self.rate)
