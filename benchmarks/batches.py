"""Whether signals that are cancelled together take less time than one by one, and the least time that they could take.

Run from a checkout: python benchmarks/batches.py [--model NAME] [--seconds S] [--rounds N]

Every row of the first table is a batch of N signals through one call of `cancel`, and the same signals through N calls,
in turn, in processor time. The arithmetic of either is in vectors across the bins or taps of a signal already, so that
a batch saves what Python takes per block, and no more.

The second table is a roofline for frequency-domain filters: the time of a block of one signal, and the least that it
could take as one of many, whatever the order of the loops. That is the time of its transforms, all signals in vectors,
and the time in which its spectra and weights go through the cache: all of the batch through the level in which its
states lie, once in and once out per block, and the other passes over them through the level that holds a single state.
Both bandwidths are measured, with a loop that does next to nothing else. At first the arithmetic counts as nothing.
Then it is measured as well: by how much a block of the same filter takes longer with a partition more, where all of its
state fits the first level of the cache, times the partitions. Even if processor and memory never waited for each other,
a block takes the longer of the two.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray
from rocket_fft.lowlevel import c2r, r2c

from aecbench.cancellers.base import Canceller, Streaming
from aecbench.signals import Array
from aecbench.systems import load_system

RATE = 16_000
BATCHES = (1, 2, 4, 8, 16, 32)
GOAL = 2.5
FIRST, LAST = np.zeros(1, np.int64), np.ones(1, np.int64)  # axes


class Passes(NamedTuple):
    """The passes of a filter over the spectra and weights of a signal, per block."""

    traffic: int  # bytes per bin of a partition: complex64 has 8, float32 has 4, a change counts twice
    alone: int  # transforms one by one
    fours: int  # transforms four at a time


# Two filters: echo w, x: 16; prediction w, c, c', x2: 20; update w, w', c, c', x, x2: 36. Output 16, power 12, push 16
KALMAN = Passes(traffic=2 * (16 + 20 + 36) + 16 + 12 + 16, alone=6, fours=8)
# Two filters: echo w, x: 16; share w: 8; weighed power x: 8; update w, w', x: 24. Far-end power 8, push 16
FDAF = Passes(traffic=2 * (16 + 8 + 8 + 24) + 8 + 16, alone=6, fours=8)
PASSES = {"kalman": KALMAN, "fdaf": FDAF}


def main() -> None:
    """A table per system, and the roofline of those whose passes are counted."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", action="append", help="[kalman, fdaf, nlms]")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    far = np.random.default_rng(0).normal(size=(max(BATCHES), round(options.seconds * RATE))).astype(np.float32) / 10
    mic = np.roll(far, 20, -1) / 2 + np.random.default_rng(1).normal(size=far.shape).astype(np.float32) / 100
    for name in options.model or ["kalman", "fdaf", "nlms"]:
        canceller = load_system(name, "none").canceller
        canceller.cancel(mic[:2, :RATE], far[:2, :RATE])  # compiled
        state = kilobytes(canceller.init((1,))) if isinstance(canceller, Streaming) else np.nan
        print(f"{name}: state of a signal {state:.0f} kB; ms per second of audio")
        print("  signals  states [kB]  one by one  together  ratio")
        for signals in BATCHES:
            rows = [in_turn(canceller, mic[:signals], far[:signals]) for _ in range(options.rounds)]
            alone, together = 1e3 * np.median(rows, 0) / (signals * options.seconds)
            ratio = np.median([a / b for a, b in rows])
            print(f"  {signals:7}  {signals * state:11.0f}  {alone:10.3f}  {together:8.3f}  {ratio:5.2f}", flush=True)
        print(f"  goal {GOAL}")
        if name in PASSES:
            roofline(PASSES[name], canceller, mic[0], far[0])


def in_turn(canceller: Canceller, mic: Array, far: Array) -> tuple[float, float]:
    """Processor time of all signals one by one, and together."""
    start = time.process_time()
    for one, other in zip(mic, far, strict=True):
        canceller.cancel(one, other)
    between = time.process_time()
    canceller.cancel(mic, far)
    return between - start, time.process_time() - between


def roofline(passes: Passes, canceller: Any, mic: Array, far: Array) -> None:
    """Print what a block of one signal takes, what it could take at least as one of many, and the ratio of the two."""
    block, partitions = canceller.block, canceller.taps // canceller.block
    blocks = mic.size // block
    alone = fastest(lambda: canceller.cancel(mic, far)) / blocks
    traffic, state = passes.traffic * partitions * (block + 1), 1e3 * kilobytes(canceller.init((1,)))
    near, distant = (bandwidth(signals * state) for signals in (1, max(BATCHES)))
    single, four, many = (transform(2 * block, rows) for rows in (1, 4, max(BATCHES)))
    now = passes.alone * single + passes.fours * four
    transforms = (passes.alone + passes.fours) * many
    memory = 2 * state / distant + (traffic - 2 * state) / near
    print(f"  a block of one signal takes {1e6 * alone:.1f} µs, and its transforms alone {1e6 * now:.1f} µs")
    print(f"  bandwidth: {near / 1e9:.0f} GB/s over the state of one signal, {distant / 1e9:.0f} GB/s over all states")
    print(
        f"  as one of {max(BATCHES)} signals at least {1e6 * (transforms + memory):.1f} µs: "
        f"transforms {1e6 * transforms:.1f} µs, {traffic / 1e3:.0f} kB through the cache {1e6 * memory:.1f} µs"
    )
    limit = alone / (transforms + memory)
    print(f"  so no batch is more than {limit:.2f} times as fast, even if arithmetic took no time (goal {GOAL})")
    work = partitions * arithmetic(canceller, mic, far) / blocks
    limit = alone / (transforms + max(work, memory))
    print(f"  arithmetic {1e6 * work:.1f} µs, with all in the first level of the cache")
    print(f"  so no batch is more than {limit:.2f} times as fast with this arithmetic, where memory never waits for it")


def arithmetic(canceller: Any, mic: Array, far: Array) -> float:
    """Return the seconds that a partition takes in all blocks of a signal, a median, its state in the first level."""
    one, two = (replace(canceller, taps=count * canceller.block) for count in (1, 2))

    def difference() -> float:
        return fastest(lambda: two.cancel(mic, far), 2) - fastest(lambda: one.cancel(mic, far), 2)

    return float(np.median([difference() for _ in range(30)]))


def bandwidth(size: float) -> float:
    """Return the bytes per second of a loop that reads two arrays of together `size` bytes, and writes one of them."""
    target, source = np.ones((2, round(size / 8)), np.float32)
    rounds = max(1, round(1e8 / size))
    return 12 * target.size * rounds / fastest(lambda: _sweep(target, source, rounds))


def transform(length: int, rows: int) -> float:
    """Return the seconds per transform of `length` real samples when a group is transformed together."""
    signals = np.random.default_rng(0).normal(size=(max(BATCHES), length)).astype(np.float32)
    spectra = np.empty((max(BATCHES), length // 2 + 1), np.complex64)
    run, repeats = _one_by_one if rows == 1 else _together, 64
    parts = [slice(start, start + rows) for start in range(0, len(signals), rows)]

    def all_of_them() -> None:
        for part in parts:
            run(signals[part], spectra[part], repeats)

    return fastest(all_of_them) / (2 * repeats * len(signals))


@numba.njit(fastmath=True)
def _sweep(target: NDArray[np.float32], source: NDArray[np.float32], rounds: int) -> None:
    for _ in range(rounds):
        for i in range(target.size):
            target[i] += np.float32(0.5) * source[i]


@numba.njit
def _one_by_one(signals: NDArray[np.float32], spectra: NDArray[np.complex64], repeats: int) -> None:
    for _ in range(repeats):
        for i in range(signals.shape[0]):
            r2c(signals[i], spectra[i], FIRST, True, 1.0, 1)
            c2r(spectra[i], signals[i], FIRST, False, 1.0 / signals.shape[1], 1)


@numba.njit
def _together(signals: NDArray[np.float32], spectra: NDArray[np.complex64], repeats: int) -> None:
    for _ in range(repeats):
        r2c(signals, spectra, LAST, True, 1.0, 1)
        c2r(spectra, signals, LAST, False, 1.0 / signals.shape[1], 1)


def fastest(function: Callable[[], Any], rounds: int = 20) -> float:
    """Return the least processor time of several calls, after one that compiles."""
    function()
    times = []
    for _ in range(rounds):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def kilobytes(state: object) -> float:
    """The size of a state: arrays, or tuples of such states."""
    return state.nbytes / 1e3 if isinstance(state, np.ndarray) else sum(map(kilobytes, state))


if __name__ == "__main__":
    main()
