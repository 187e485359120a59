"""Chunks are what HDF5's own filters undo, and their checksum is the one that HDF5 computes."""

import h5py
import numpy as np
import pytest

from aecbench.corpus.chunk import chunk, fletcher32
from aecbench.corpus.format import PACKED

QUIET = np.round(np.random.default_rng(0).normal(0, 30, 16_001)).astype(np.int16)


@pytest.mark.parametrize(
    "row",
    [QUIET, np.zeros(7, np.int16), QUIET.astype(np.float32) / 3, QUIET.astype(">i2"), QUIET[::-2]],
    ids=["int16", "silence", "float32", "big-endian", "strided"],
)
def test_hdf5_reads_the_row_of_a_chunk(row):
    with h5py.File.in_memory() as file:
        data = file.create_dataset("x", (1, row.size), row.dtype.newbyteorder("<"), chunks=(1, row.size), **PACKED)
        data.id.write_direct_chunk((0, 0), chunk(row))
        np.testing.assert_array_equal(data[0], row)


@pytest.mark.parametrize(
    "content",
    [
        bytes(6),
        b"\xff\xff",  # its sums are multiples of 65535
        b"\x80\x00\x7f\xff",  # only its first sum is one
        b"\x01",
        np.random.default_rng(1).bytes(200_001),
        b"\xff" * 300_000,
    ],
    ids=["zeros", "one full word", "full sum", "odd", "random", "largest sums"],
)
def test_the_checksum_is_the_one_of_hdf5(content):
    with h5py.File.in_memory() as file:
        data = file.create_dataset("x", data=np.frombuffer(content, np.uint8), chunks=(len(content),), fletcher32=True)
        file.flush()
        stored = data.id.read_direct_chunk((0,))[1]
    assert stored == content + fletcher32(content).to_bytes(4, "little")


def test_a_chunk_of_recorded_sound_is_hardly_longer_than_the_one_of_hdf5():
    with h5py.File.in_memory() as file:
        data = file.create_dataset("x", data=QUIET[None], chunks=(1, QUIET.size), **PACKED)
        file.flush()
        stored = data.id.read_direct_chunk((0, 0))[1]
    assert len(chunk(QUIET)) < 1.06 * len(stored)
