"""Whether signals that are cancelled together take less time than one by one, and where the state of a batch lies.

Run from a checkout: python benchmarks/batches.py [--model NAME] [--seconds S] [--rounds N]

Every row is a batch of N signals through one call of `cancel`, and the same signals through N calls, in turn, in
processor time. A batch saves what Python takes per block; the arithmetic is the same, in vectors across the bins or
taps of each signal. Where the states of all signals outgrow the cache, a batch loses what one signal has: its state is
still there when the next block comes.
"""

import argparse
import time

import numpy as np

from aecbench.cancellers.base import Canceller, Streaming
from aecbench.signals import Array
from aecbench.systems import load_system

RATE = 16_000
BATCHES = (1, 2, 4, 8, 16, 32)
GOAL = 2.5


def main() -> None:
    """A table per system."""
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


def in_turn(canceller: Canceller, mic: Array, far: Array) -> tuple[float, float]:
    """Processor time of all signals one by one, and together."""
    start = time.process_time()
    for one, other in zip(mic, far, strict=True):
        canceller.cancel(one, other)
    between = time.process_time()
    canceller.cancel(mic, far)
    return between - start, time.process_time() - between


def kilobytes(state: object) -> float:
    """The size of a state: arrays, or tuples of such states."""
    return state.nbytes / 1e3 if isinstance(state, np.ndarray) else sum(map(kilobytes, state))


if __name__ == "__main__":
    main()
