"""Chunks made here are what HDF5 unpacks, and carry the checksum that it would have written."""

import h5py
import numpy as np
import pytest

from aecbench.corpus.chunk import chunk, fletcher32
from aecbench.corpus.format import PACKED

RNG = np.random.default_rng(0)
ROWS = {
    "loud": RNG.integers(-30_000, 30_000, 50_001).astype("<i2"),
    "quiet": RNG.integers(-90, 90, 50_000).astype("<i2"),
    "silent": np.zeros(17, "<i2"),
    "response": RNG.normal(size=9_999).astype("<f4"),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_hdf5_reads_what_was_packed_and_sees_damage(row, tmp_path):
    packed = bytearray(chunk(row, 1))
    with h5py.File(tmp_path / "a.h5", "w") as file:
        data = file.create_dataset("row", (2, row.size), row.dtype, chunks=(1, row.size), **PACKED)
        data.id.write_direct_chunk((0, 0), bytes(packed))
        packed[len(packed) // 2] ^= 1
        data.id.write_direct_chunk((1, 0), bytes(packed))
    with h5py.File(tmp_path / "a.h5") as file:
        np.testing.assert_array_equal(file["row"][0], row)
        with pytest.raises(OSError, match="filter returned failure"):
            file["row"][1]


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_the_checksum_is_the_one_of_hdf5(row):
    with h5py.File.in_memory() as file:
        data = file.create_dataset("row", data=row[None], chunks=(1, row.size), **PACKED)
        file.flush()
        stored = data.id.read_direct_chunk((0, 0))[1]
    assert fletcher32(stored[:-4]).to_bytes(4, "little") == stored[-4:]
