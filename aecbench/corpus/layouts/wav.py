"""A WAV file per signal, and all there is to know about a scene in text: nothing is lost.

scenes.csv                       a row per scene: id, split, files, what was drawn
scenes.jsonl                     the same to be read back: scene, scale, t20
<split>/<name>_mic.wav           and far, near, echo, noise: 16-bit; sample x `scale` is the signal
<split>/<name>_rir.wav           echo paths, one a channel, 32-bit float; where they are known
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from aecbench.config import canonical_json
from aecbench.corpus.finish import flat
from aecbench.corpus.format import RECORDED, Record, measure
from aecbench.corpus.layouts.base import (
    Found,
    Problem,
    Take,
    Wanted,
    Written,
    header,
    read_int16,
    read_paths,
    records,
    relative,
    unknown_rir,
    write_wav,
)
from aecbench.corpus.read import Corpus
from aecbench.dsp import audio
from aecbench.errors import AudioError, SourceError
from aecbench.scenes.files import SPLITS
from aecbench.scenes.recording import Recording, read_scene
from aecbench.scenes.scene import Scene
from aecbench.signals import STEMS

__all__ = ["Stored", "find", "write"]

COLUMNS = {  # of scenes.csv; the others are named after what was drawn
    "scene": "id: corpus/split/name",
    "split": "train, val or test",
    "mic": "what the microphone records: near + echo + noise",
    "far": "far-end reference, the signal sent to the loudspeaker",
    "near": "near-end speech at the microphone",
    "echo": "far end at the microphone, through loudspeaker, room and delay",
    "noise": "background noise at the microphone",
    "rir": "echo paths, one a channel",
    "scale": "what a step of the 16-bit samples is worth",
    "t20": "reverberation time measured on the first echo path, in seconds",
    "near_level_measured": "active level measured of near, in dBFS",
    "ser_double": "signal-to-echo ratio measured where both ends talk, in dB",
    "talk": "who talks",
    "ser": "signal-to-echo ratio in dB",
    "snr": "signal-to-noise ratio in dB",
    "duration": "seconds",
    "rate": "samples per second",
}
TABLE, LINES = "scenes.csv", "scenes.jsonl"


@dataclass(frozen=True)
class Stored:
    """A scene as WAV files."""

    text: str  # the scene's JSON
    split: str
    rate: int  # [Hz]
    length: int
    stems: bool
    rir_shape: tuple[int, int]
    files: tuple[Path, ...]  # in the order of STEMS; then, where it is known, of the echo paths
    scale: float
    t20: float

    def record(self) -> Record:
        """Read it. Raises AudioError where the stems do not add up to mic."""
        count = len(STEMS if self.stems else RECORDED)
        audio = np.stack([read_int16(path) for path in self.files[:count]])
        if self.stems and not np.array_equal(audio[0], audio[2:].sum(axis=0, dtype=np.int64)):
            raise AudioError(f"{self.files[0]}: is not the sum of near, echo and noise; export them again")
        rir = unknown_rir()
        if len(self.files) > count:
            rir = read_paths(self.files[count])
        return Record(self.text, audio, self.scale, rir, measure(audio, self.scale, self.rate) | {"t20": self.t20})


def find(folder: Path, wanted: Wanted) -> Found:
    """The scenes that scenes.jsonl lists, with their ids, splits and rates. Raises SourceError where it is missing."""
    path = folder / LINES
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise SourceError(f"{path}: cannot be read ({error}); give a folder that aecbench export wrote") from None
    takes: list[Take] = []
    problems: list[Problem] = []
    ids: set[str] = set()
    for number, line in enumerate(lines, 1):
        try:
            data = json.loads(line)
            text = canonical_json(data["scene"])
            scene = read_scene(text)
            scale, t20 = float(data["scale"]), math.nan if data["t20"] is None else float(data["t20"])
            if not 0 < scale < math.inf:
                raise ValueError(f"scale {scale}")
            base = _base(scene)
        except (ValueError, KeyError, TypeError) as error:
            problems.append(Problem(LINES, f"line {number}: holds no scene ({' '.join(str(error).split())})"))
            continue
        if scene.id in ids:
            problems.append(Problem(LINES, f"line {number}: lists {scene.id} again"))
            continue
        ids.add(scene.id)
        take = _stored(folder, scene, text, base, scale, t20)
        if isinstance(take, Stored):
            takes.append(take)
        else:
            problems += take
    return Found(takes, problems, (path,))


def _base(scene: Scene | Recording) -> str:
    """Beginning of the names of a scene's files. Raises ValueError for an id that leads elsewhere."""
    parts = scene.id.split("/", 2)
    if len(parts) != 3 or scene.split not in SPLITS or {"", "..", "."} & set(scene.id.split("/")):
        raise ValueError(f"id {scene.id!r} of split {scene.split!r} is not corpus/split/name")
    return f"{scene.split}/{parts[2]}"


def _stored(
    folder: Path, scene: Scene | Recording, text: str, base: str, scale: float, t20: float
) -> Stored | list[Problem]:
    stems = isinstance(scene, Scene) or scene.stems
    files = [folder / f"{base}_{name}.wav" for name in (STEMS if stems else RECORDED)]
    lengths, problems = [], []
    for path in files:
        try:
            lengths.append(header(path, scene.rate))
        except AudioError as error:
            problems.append(Problem(path.relative_to(folder).as_posix(), relative(str(error), folder)))
    expected = round(scene.duration * scene.rate)
    if not problems and set(lengths) != {expected}:
        problems.append(Problem(f"{base}_mic.wav", f"the files have {lengths} samples, the scene {expected}"))
    rir, shape = folder / f"{base}_rir.wav", (1, 1)
    if rir.exists():
        files.append(rir)
        try:
            rir_header = audio.header(rir, mix=True)
            shape = (rir_header.channels, rir_header.length)
        except AudioError as error:
            problems.append(Problem(f"{base}_rir.wav", relative(str(error), folder)))
    return problems or Stored(text, scene.split, scene.rate, expected, stems, shape, tuple(files), scale, t20)


def write(corpus: Corpus, out: Path) -> Written:
    """Write everything there is of a corpus."""
    rows: list[dict[str, Any]] = []
    with (out / LINES).open("w", encoding="utf-8") as lines:
        for scene, record in records(corpus):
            base = _base(scene)
            row = {"scene": scene.id, "split": scene.split}
            for name, x in zip(STEMS, record.audio, strict=False):
                write_wav(out / f"{base}_{name}.wav", x, scene.rate)
                row[name] = f"{base}_{name}.wav"
            if not np.isnan(record.rir).all():
                paths = record.rir.reshape(-1, int(corpus.info["rir_length"])).T
                write_wav(out / f"{base}_rir.wav", np.ascontiguousarray(paths), scene.rate)
                row["rir"] = f"{base}_rir.wav"
            measured = {name: None if math.isnan(value) else value for name, value in record.measured.items()}
            facts = json.loads(record.scene)
            line = {"scene": facts, "scale": record.scale, "t20": measured["t20"]}
            lines.write(canonical_json(line) + "\n")
            rows.append(row | {"scale": record.scale} | measured | flat(facts))
    table = pd.DataFrame(rows)
    table.to_csv(out / TABLE, index=False)
    return Written(out / TABLE, COLUMNS, {name: f"**/*_{name}.wav" for name in (*STEMS, "rir") if name in table})
