"""One row of a data set as a chunk, such as HDF5's filters make it: shuffle, deflate, Fletcher32.

HDF5 deflates by looking for repetitions, which recorded sound does not have. It has runs: after the shuffle, the high
bytes of samples lie together, and those of quiet ones are alike. zlib finds runs in half of that time, for 1 % more
bytes, and what it writes is read like any other.
"""

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecbench.dsp.compile import compiled

__all__ = ["chunk"]

MODULUS = 65535
BLOCK = 2**16  # bytes between two reductions: the sums stay below 2^64


def chunk(row: NDArray[Any], level: int) -> bytes:
    """Return the chunk that holds a row [L] in a data set with the filters shuffle, gzip of `level`, and fletcher32."""
    stored = np.ascontiguousarray(row, row.dtype.newbyteorder("<"))
    shuffled = np.ascontiguousarray(stored.view(np.uint8).reshape(-1, stored.itemsize).T)
    stream = zlib.compressobj(level, strategy=zlib.Z_RLE)
    deflated = stream.compress(shuffled.data) + stream.flush()
    return deflated + fletcher32(deflated).to_bytes(4, "little")


def fletcher32(data: bytes) -> int:
    """Return the checksum that HDF5 appends: J. G. Fletcher's of 1982, over big-endian words of 16 bits."""
    first, second = (int(x) for x in _sums(np.frombuffer(data + b"\0" * (len(data) % 2), np.uint8)))
    return second << 16 | first


@compiled
def _sums(data: NDArray[np.uint8]) -> tuple[np.uint64, np.uint64]:
    """The sum of the words, and the sum of its values after each word, modulo 65535; 65535 stands for 0."""
    first = second = np.uint64(0)
    for start in range(0, data.size, BLOCK):
        block = data[start : start + BLOCK]
        for k in range(0, block.size, 2):
            first += (np.uint64(block[k]) << np.uint64(8)) + np.uint64(block[k + 1])
            second += first
        first, second = _reduced(first), _reduced(second)
    return first, second


@compiled
def _reduced(x: np.uint64) -> np.uint64:
    return (x - np.uint64(1)) % np.uint64(MODULUS) + np.uint64(1) if x else x
