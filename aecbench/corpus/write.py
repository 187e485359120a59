"""Writing shards: under another name until whole and verified.

HDF5's own filters compress a scene in the process that rendered it; the writer only appends the finished chunks.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from aecbench.corpus.format import PACKED, Record, long_layout, short_layout
from aecbench.corpus.read import Shard
from aecbench.output import whole_file
from aecbench.signals import STEMS

__all__ = ["Packed", "pack", "write_shard"]


class Packed(NamedTuple):
    """A record as compressed HDF5 chunks."""

    scene: bytes  # JSON
    chunks: dict[str, bytes]  # data set -> its row
    scale: float
    t20: float
    sha256: str


def pack(record: Record) -> Packed:
    """Compress a record, in memory."""
    rows = dict(zip(STEMS, record.audio, strict=True)) | {"rir": record.rir}
    chunks = {}
    with h5py.File.in_memory() as file:
        for name, row in rows.items():
            data = file.create_dataset(name, data=row[None], chunks=(1, len(row)), **PACKED)
            file.flush()
            chunks[name] = data.id.read_direct_chunk((0, 0))[1]
    return Packed(record.scene.encode(), chunks, record.scale, record.t20, record.sha256)


def write_shard(
    path: Path, corpus_id: str, scenes: int, length: int, rir_length: int, records: Iterable[Packed]
) -> None:
    """Write one shard of that many scenes, whole or not at all.

    It gets its final name only after it was read back and every scene's hash agreed. Raises OutputError.
    """
    with whole_file(path) as part:
        with h5py.File(part, "w") as file:
            file.attrs["corpus"] = corpus_id
            for name, arguments in long_layout(scenes, length, rir_length).items():
                file.create_dataset(name, **arguments)
            rest = []
            for row, record in enumerate(records):
                for name, chunk in record.chunks.items():
                    file[name].id.write_direct_chunk((row, 0), chunk)
                rest.append(record._replace(chunks={}))
            for name, arguments in short_layout(scenes, max(len(record.scene) for record in rest)).items():
                values = [getattr(record, name) for record in rest]
                file.create_dataset(name, data=np.array(values, arguments["dtype"]), **arguments)
        with Shard(part) as shard:
            shard.verify()
