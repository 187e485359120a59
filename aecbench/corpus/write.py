"""Writing shards: under another name until whole and verified.

A scene is compressed in the process that rendered it; the writer only appends the finished chunks.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from isal import isal_zlib

from aecbench.corpus.chunk import chunk
from aecbench.corpus.format import Record, long_layout, short_layout
from aecbench.corpus.read import Shard
from aecbench.errors import CorpusError
from aecbench.output import whole_file
from aecbench.signals import STEMS

__all__ = ["Packed", "pack", "write_shard"]


class Packed(NamedTuple):
    """A record as compressed HDF5 chunks."""

    chunks: dict[str, bytes]  # data set -> its row
    values: dict[str, Any]  # data set with a short value per scene -> this value
    checksum: int  # of the chunks


def pack(record: Record, length: int | None = None) -> Packed:
    """Compress a record for a shard of scenes of `length` samples; without, as long as it is."""
    padding = 0 if length is None else length - record.audio.shape[-1]
    audio = np.pad(record.audio, [(0, 0), (0, padding)]) if padding else record.audio
    rows = {**dict(zip(STEMS, audio, strict=False)), "rir": record.rir}
    chunks = {name: chunk(row) for name, row in rows.items()}
    values = {"scene": record.scene.encode(), "scale": record.scale, **record.measured, "sha256": record.sha256}
    return Packed(chunks, values, _checksum(chunks))


def write_shard(
    path: Path,
    corpus_id: str,
    scenes: int,
    length: int,
    rir_length: int,
    records: Iterable[Packed],
    signals: Sequence[str] = STEMS,
) -> None:
    """Write one shard of that many scenes, whole or not at all. For real recordings, `signals` is RECORDED.

    It gets its final name only after it was read back and found to hold the very chunks that were packed, in whichever
    process. Raises OutputError.
    """
    with whole_file(path) as part:
        with h5py.File(part, "w", locking=False) as file:  # nobody else knows its name, and the folder is locked
            file.attrs["corpus"] = corpus_id
            layout = long_layout(scenes, length, rir_length, signals)
            data = {name: file.create_dataset(name, **arguments).id for name, arguments in layout.items()}
            short, written = [], []
            for row, record in enumerate(records):
                for name, content in record.chunks.items():
                    data[name].write_direct_chunk((row, 0), content)
                short.append(record.values)
                written.append(record.checksum)
            for name, arguments in short_layout(scenes, max(len(values["scene"]) for values in short)).items():
                column = [values[name] for values in short]
                file.create_dataset(name, data=np.array(column, arguments["dtype"]), **arguments)
        with Shard(part) as shard:
            if [_checksum(shard.chunks(row)) for row in range(scenes)] != written:
                raise CorpusError("what is read back is not what was written")


def _checksum(chunks: Mapping[str, bytes]) -> int:
    """Return the CRC-32 of all chunks of a scene, in the order of their names."""
    checksum = 0
    for name in sorted(chunks):
        checksum = isal_zlib.crc32(chunks[name], checksum)
    return checksum
