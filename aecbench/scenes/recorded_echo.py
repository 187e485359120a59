"""Recorded echo: the loopback and the microphone of a real device while only the far end talks.

The source is a manifest that `aecbench echoes` writes: a CSV with a row per recording. Column `name` identifies it,
`device` is what must not be on two sides of an experiment, `split` (train, val, test or nothing) ties the device to a
split, `mic` and `far` are paths, `mic_sha256` and `far_sha256` the hashes of these files, `seconds` how long both last,
and `echo_to_noise` and `linear` [dB] what the microphone holds besides echo. A file of a microphone is listed once;
several recordings may share a far end.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from pydantic import Field

from aecbench.config import canonical_json
from aecbench.dsp.random import uniform
from aecbench.errors import SourceError
from aecbench.record import Frozen, parse
from aecbench.scenes.files import Collection, Entry, check_once, load_audio, manifest_rows
from aecbench.scenes.scene import RecordedEcho
from aecbench.signals import Array

__all__ = ["EchoSource", "ListedEcho", "draw_echo", "open_echoes"]


class EchoSource(Protocol):
    """Recordings of echo, by device."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 over everything that decides what the source delivers."""

    def recordings(self, split: str, seconds: float, least: float) -> dict[str, list["ListedEcho"]]:
        """The recordings of a split by device, as long as `seconds`, with an echo-to-noise ratio of `least` dB or more.

        Raises SourceError where there are none.
        """

    def load(self, name: str, rate: int) -> tuple[Array, Array]:
        """Far end and microphone of a recording, float32 [T] at `rate`, read-only."""


class ListedEcho(Frozen):
    """A row of the manifest."""

    name: str
    device: str
    split: str
    mic: str
    far: str
    mic_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    far_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    seconds: float = Field(gt=0)
    echo_to_noise: float  # [dB] the microphone while the echo is strong, above all but echo while the echo is weak
    linear: float  # [dB] the microphone above what no fixed linear filter explains of it, both while echo is strong


@dataclass(frozen=True)
class EchoFiles:
    """Recordings that a manifest lists."""

    manifest: Path
    listed: dict[str, ListedEcho]  # by name

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over all columns but the paths: where the files lie does not count."""
        rows = [row.model_dump(exclude={"mic", "far"}) for _, row in sorted(self.listed.items())]
        return hashlib.sha256(canonical_json(rows).encode()).hexdigest()

    @cached_property
    def devices(self) -> Collection:
        """The names, grouped by device."""
        entries = {name: Entry(row.device, row.split) for name, row in self.listed.items()}
        return Collection(self.manifest.parent, entries, str(self.manifest), "device")

    def recordings(self, split: str, seconds: float, least: float) -> dict[str, list[ListedEcho]]:
        """The recordings of a split that are long and clean enough, by device."""
        recordings = {}
        for device in self.devices.split(split):
            rows = [self.listed[name] for name in self.devices.of(device)]
            if good := [row for row in rows if row.seconds >= seconds and row.echo_to_noise >= least]:
                recordings[device] = good
        if not recordings:
            raise SourceError(
                f"{self.manifest}: split {split!r} has no recording of {seconds:g} s or more whose echo-to-noise "
                f"ratio is {least:g} dB or more; list more recordings, or lower echo.least"
            )
        return recordings

    def load(self, name: str, rate: int) -> tuple[Array, Array]:
        """Far end and microphone of a recording."""
        if name not in self.listed:
            raise SourceError(f"{self.manifest}: has no recording {name!r}; draw the scenes again from this source")
        row, folder = self.listed[name], self.manifest.parent
        far, mic = (
            load_audio(folder / file, rate, sha256)
            for file, sha256 in ((row.far, row.far_sha256), (row.mic, row.mic_sha256))
        )
        return far, mic


def open_echoes(source: str) -> EchoSource:
    """The recordings in a manifest. Raises SourceError, and ConfigError for a row that cannot be used."""
    manifest = Path(source).absolute()
    if not manifest.is_file():
        raise SourceError(
            f"echo source {source!r}: no such file; make it with: aecbench echoes FOLDER --out {source}, where FOLDER "
            "holds recordings of far-end single talk"
        )
    listed: dict[str, ListedEcho] = {}
    lines: list[tuple[int, str]] = []
    for line, row in manifest_rows(manifest, tuple(ListedEcho.model_fields)):
        recording = parse(ListedEcho, row, f"{source}, line {line}")
        if recording.name in listed:
            raise SourceError(f"{source}, line {line}: lists {recording.name} again; keep one of the rows")
        listed[recording.name] = recording
        lines.append((line, recording.mic))
    if not listed:
        raise SourceError(f"{source}: lists no recordings; give another manifest")
    check_once(source, lines, manifest.parent)
    return EchoFiles(manifest, listed)


def draw_echo(source: EchoSource, split: str, seconds: float, least: float, rng: np.random.Generator) -> RecordedEcho:
    """Part of a recording: devices are equally likely, then their recordings, then every start."""
    devices = source.recordings(split, seconds, least)
    recordings: Sequence[ListedEcho] = devices[str(rng.choice(list(devices)))]
    row = recordings[int(rng.integers(len(recordings)))]
    return RecordedEcho(
        device=row.device,
        recording=row.name,
        start=round(float(uniform(rng, 0, row.seconds - seconds)), 3),
        echo_to_noise=row.echo_to_noise,
        linear=row.linear,
    )
