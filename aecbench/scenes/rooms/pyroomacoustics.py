"""The image-source method of pyroomacoustics, as a reference: the same rooms and conventions, other code, much slower.

R. Scheibler, E. Bezzam and I. Dokmanic, "Pyroomacoustics: a Python package for audio room simulation and array
processing algorithms", ICASSP 2018.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from aecbench.scenes.rooms.air import air_absorption
from aecbench.scenes.rooms.shoebox import SPEED_OF_SOUND, shoebox
from aecbench.scenes.rooms.spectrum import centres, finish, octaves
from aecbench.signals import Array

__all__ = ["impulse_responses"]

WALLS = ("west", "east", "south", "north", "floor", "ceiling")  # x = 0, x = size, y = 0, ...


def impulse_responses(
    size: Sequence[float],
    sources: ArrayLike,
    microphones: ArrayLike,
    absorption: ArrayLike,
    *,
    rate: int,
    length: int,
    humidity: float | None = None,
    high_pass: bool = True,
    threads: int = 1,
) -> Array:
    """See `Engine`. Sums of pyroomacoustics depend on its number of threads: it runs one, `threads` has no effect."""
    import pyroomacoustics as pra  # most of a second, which only those who use it should wait

    room = shoebox(size, sources, microphones, absorption)
    late = pra.constants.get("frac_delay_length") // 2  # samples by which its responses come late
    out = np.zeros((len(room.sources), len(room.microphones), length), np.float32)
    with _constants(pra, num_threads=1, rir_hpf_enable=False):
        simulator = pra.ShoeBox(
            room.size,
            fs=rate,
            max_order=_order(room.size, (length + late) * SPEED_OF_SOUND / rate),
            materials={wall: pra.Material(_bands(x, rate)) for wall, x in zip(WALLS, room.absorption, strict=True)},
        )
        simulator.set_sound_speed(SPEED_OF_SOUND)
        if humidity is not None:
            centre = centres(octaves(rate))
            simulator.set_air_absorption(air_absorption(centre, humidity), centre)
        for source in room.sources:
            simulator.add_source(source)
        simulator.add_microphone_array(room.microphones.T)
        simulator.compute_rir()
    for m, s in np.ndindex(len(room.microphones), len(room.sources)):
        response = simulator.rir[m][s][late : late + length]
        out[s, m, : len(response)] = response
    return finish(out[..., None, :], rate, humidity=None, high_pass=high_pass)


def _bands(absorption: Array, rate: int) -> dict[str, Any]:
    """Absorption [B] of one wall as pyroomacoustics wants it: one value, or one for each of its octave bands."""
    if len(absorption) == 1:
        return {"coeffs": absorption.tolist()}
    bands = octaves(rate)
    return {
        "coeffs": np.pad(absorption, (0, max(0, bands - len(absorption))), "edge")[:bands].tolist(),
        "center_freqs": centres(bands).tolist(),
    }


def _order(size: Array, distance: float) -> int:
    """Return a reflection order that no image nearer than `distance` exceeds.

    An image of order |i| + |j| + |k| = n is at least (|i| - 1, |j| - 1, |k| - 1) rooms away. By Cauchy-Schwarz, that
    distance is at least (n - 3) / sqrt(sum 1 / size^2).
    """
    return int(np.ceil(distance * np.sqrt(np.sum(size**-2.0)))) + 2


@contextmanager
def _constants(pra: Any, **values: object) -> Iterator[None]:
    """Global settings of pyroomacoustics, put back afterwards."""
    before = {name: pra.constants.get(name) for name in values}
    try:
        for name, value in values.items():
            pra.constants.set(name, value)
        yield
    finally:
        for name, value in before.items():
            pra.constants.set(name, value)
