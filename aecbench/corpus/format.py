"""The corpus format: names, types and hashes.

    corpora/<name>/
        corpus.json              specification, id, digest, versions, command; written last
        scenes.parquet           a row per scene with everything that was drawn
        shards/<split>-00000.h5  mic far near echo noise: int16 [N, T]; rir: float32 [N, segments x L];
                                 scale, t20, near_level_measured, ser_double: float32 [N];
                                 scene: JSON [N]; sha256: hex [N]

A stem in float is its int16 samples times the scene's `scale`. Stems are quantised first and mic is their integer sum.
`rir` holds the acoustic path from the output of the loudspeaker to the microphone, bulk delay and level of the echo
included, one of L samples for each stretch between its changes. It does not contain the loudspeaker, nor the stages of
the microphone (gain control and `capture`), which act on the stem echo alone.

Three values are measured, NaN where there is nothing to measure: `t20`, the reverberation time [s] of the first path,
beside the `room.rt60` that was asked for; `near_level_measured`, the active level [dBFS] of near, beside `near_level`,
which clipping, gain control and the stages of the microphone change; `ser_double`, the ratio [dB] of near to echo power
over the frames of 10 ms in which both are active, beside `ser`. `ser` and `snr` are what was asked for before the noise
of the device and the stages of the microphone; the ratios at the microphone follow from the stems. Shards of earlier
versions hold `t20` alone; readers give NaN for the others.

Imported corpora: `scene` is a `Recording`; where the echo path is unknown, `rir` is one NaN. Scenes shorter than the
longest of their shard are padded with zeros, which readers cut off at `duration` x `rate` samples. A shard of real
recordings has no near, echo and noise; readers give NaN for them.

Shards are read without a lock; a script that opens one beside a `Corpus` does so too: `h5py.File(path, locking=False)`.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aecbench.config import canonical_json, sha256
from aecbench.dsp import levels
from aecbench.scenes.render import Rendering
from aecbench.scenes.rooms import measured_rt60
from aecbench.scenes.scene import Scene
from aecbench.scenes.spec import CorpusSpec
from aecbench.signals import STEMS, Array

__all__ = [
    "CORPUS",
    "FORMAT",
    "FORMERLY_MEASURED",
    "MEASURED",
    "RECORDED",
    "SCENES",
    "SHARDS",
    "SIMULATOR",
    "Record",
    "digest",
    "encode",
    "long_layout",
    "measure",
    "samples",
    "shard_name",
    "short_layout",
]

FORMAT = 1
SIMULATOR = 2  # counted up when the same recipe comes to give another corpus
"""1 depended on the processor, and its talkers began with the beginning of a file."""
CORPUS, SCENES, SHARDS = "corpus.json", "scenes.parquet", "shards"
RECORDED = STEMS[:2]  # mic and far: what a real recording has
MEASURED = ("t20", "near_level_measured", "ser_double")
FORMERLY_MEASURED = MEASURED[:1]
FULL_SCALE = 32_000  # of 32 767: leaves room for the rounding of three stems
PACKED: dict[str, Any] = {"compression": "gzip", "compression_opts": 1, "shuffle": True, "fletcher32": True}


class Record(NamedTuple):
    """One scene as it is stored."""

    scene: str  # JSON
    audio: NDArray[np.int16]  # [5, T], in the order of STEMS; [2, T] of a real recording
    scale: float  # a float32 value
    rir: NDArray[np.float32]  # [segments x L], the echo paths one after the other
    measured: Mapping[str, float]  # MEASURED, or FORMERLY_MEASURED: float32 values

    @property
    def sha256(self) -> str:
        """Hash of all that is stored of the scene."""
        content = hashlib.sha256(self.scene.encode())
        values = np.array([self.scale, *(self.measured[name] for name in MEASURED if name in self.measured)], "<f4")
        for part in (self.audio, values, self.rir):
            content.update(np.ascontiguousarray(part, part.dtype.newbyteorder("<")).data)
        return content.hexdigest()


def encode(scene: Scene, rendering: Rendering, spec: CorpusSpec) -> Record:
    """Quantise the rendering of a scene. One scale serves all five signals; mic is the integer sum of its stems."""
    signals, paths = rendering
    peak = max(max(float(x.max()), float(-x.min())) for x in signals)
    scale = np.float32(max(peak, 1e-6) / FULL_SCALE)
    audio = np.empty((len(STEMS), signals.mic.size), np.int16)
    mic, far, near, echo, noise = audio
    for row, x in zip((far, near, echo, noise), signals[1:], strict=True):
        row[:] = np.rint(x / scale)
    mic[:] = near + echo + noise
    rir = np.zeros((spec.segments, spec.response_samples), np.float32)
    length = min(paths.shape[-1], spec.response_samples)
    rir[: len(paths), :length] = paths[:, :length]
    measured = measure(audio, float(scale), spec.rate, paths[0])
    return Record(canonical_json(scene.model_dump(mode="json")), audio, float(scale), rir.ravel(), measured)


def measure(audio: NDArray[np.int16], scale: float, rate: int, path: Array | None = None) -> dict[str, float]:
    """MEASURED of a scene as it is stored: its audio, [5, T] or of a real recording [2, T], and its first echo path."""
    values = dict.fromkeys(MEASURED, np.nan)
    if path is not None:
        values["t20"] = measured_rt60(path, rate)
    if len(audio) == len(STEMS):
        near, echo = (audio[STEMS.index(stem)] * np.float32(scale) for stem in ("near", "echo"))
        values["near_level_measured"], values["ser_double"] = levels.near_levels(near, echo, rate)
    return {name: float(np.float32(value)) for name, value in values.items()}


def samples(scene: str) -> int:
    """How long a scene is, from its JSON."""
    facts: dict[str, float] = json.loads(scene)
    return round(facts["duration"] * facts["rate"])


def shard_name(split: str, number: int) -> str:
    """File name of a shard."""
    return f"{split}-{number:05d}.h5"


def long_layout(scenes: int, length: int, rir_length: int, signals: Sequence[str] = STEMS) -> dict[str, dict[str, Any]]:
    """The data sets with a chunk per scene: name -> arguments of h5py's create_dataset. All carry checksums."""
    return {
        **{stem: {"shape": (scenes, length), "dtype": "<i2", "chunks": (1, length), **PACKED} for stem in signals},
        "rir": {"shape": (scenes, rir_length), "dtype": "<f4", "chunks": (1, rir_length), **PACKED},
    }


def short_layout(scenes: int, json_length: int, measured: Sequence[str] = MEASURED) -> dict[str, dict[str, Any]]:
    """The data sets with a value per scene, in one chunk."""
    number = {"shape": (scenes,), "dtype": "<f4", "chunks": (scenes,), "fletcher32": True}
    return {
        **dict.fromkeys(("scale", *measured), number),
        "scene": {"shape": (scenes,), "dtype": f"S{json_length}", "chunks": (scenes,), **PACKED},
        "sha256": {"shape": (scenes,), "dtype": "S64", "chunks": (scenes,), "fletcher32": True},
    }


def digest(hashes: Mapping[str, str]) -> str:
    """Hash of a corpus's contents, from the SHA-256 of its scenes by scene id."""
    return sha256(canonical_json(dict(hashes)))
