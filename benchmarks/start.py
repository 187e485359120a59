"""Commands that people wait for: time and peak memory from the start of Python to the end.

Run from a checkout: python benchmarks/start.py [--against CHECKOUT] [--rounds N] [--model MODEL ...]

Checkouts and commands take their turn, each in a process of its own, and the fastest of the rounds counts, after one
that is not counted, in which code is compiled and its bytecode written. Each row has the time by the clock and, of the
process alone and without its workers, processor time and memory. The last row is the least that any compiled function
needs: a program that imports numba and the transforms that cancellers use, and adds up ten numbers.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

from aecbench.costs import scene

RATE, MEGABYTE = 16_000, 1e6
START = """
import atexit, sys, time
def report():
    (peak,) = (line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(time.process_time(), 1024 * int(peak), file=sys.stderr)
atexit.register(report)
"""
COMMAND = f"{START}\nfrom aecbench.cli import main\nmain()\n"
FLOOR = f"""{START}
import numba, numpy, rocket_fft
@numba.njit(cache=True)
def total(x):
    return x.sum()
total(numpy.ones(10))
"""
COMMANDS = (["--help"], ["list"], ["doctor", "--no-test"])
FEW = [["simulate", "quickstart-v2", "--split", "test", "--scenes", "{}", "--out", "made{}"]]
FEW += [["eval", "--model", "kalman", "--corpus", "corpus{}", "--no-cache", "--out", "made{}"]]
RECORDINGS = ["--mic", "mic.wav", "--far", "far.wav", "--out", "out.wav"]


def main() -> None:
    """Run everything in turn and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", type=Path, metavar="CHECKOUT")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--model", action="append", help="of aecbench cancel, on 10 s  [deep_adaptive and deep_joint]")
    parser.add_argument("--scenes", type=int, nargs="*", default=[1, 4, 8, 16], help="of simulate and eval [1 4 8 16]")
    options = parser.parse_args()
    models = options.model or ["deep_adaptive", "deep_joint"]
    checkouts = [Path(__file__).parents[1], *filter(None, [options.against])]
    rows = [*COMMANDS, *(["cancel", "--model", model, *RECORDINGS] for model in models)]
    rows += [[word.format(scenes) for word in words] for words in FEW for scenes in options.scenes]
    with tempfile.TemporaryDirectory() as folder:
        for name, signal in zip(("mic", "far"), scene(), strict=True):
            soundfile.write(Path(folder) / f"{name}.wav", signal, RATE)
        programs = {"command.py": COMMAND, "floor.py": FLOOR}
        for name, text in programs.items():
            (Path(folder) / name).write_text(text)
        for scenes in options.scenes:
            words = [word.format(scenes).replace("made", "corpus") for word in FEW[0]]
            _run(checkouts[0], ["command.py", *words], Path(folder))
        calls = [(checkout, ["command.py", *words]) for words in rows for checkout in checkouts]
        calls.append((checkouts[0], ["floor.py"]))
        rounds = [[_run(*call, Path(folder)) for call in calls] for _ in range(options.rounds + 1)]
    best = np.min(rounds[1:], axis=0)
    for (checkout, words), (clock, seconds, memory) in zip(calls, best, strict=True):
        name = " ".join(words[1:]).split(" --out")[0].split(" --mic")[0] if len(words) > 1 else "one compiled function"
        told = f"{clock:.2f} s, processor {seconds:.2f} s, {memory / MEGABYTE:.1f} MB"
        print(f"{name:56} {told}  {checkout if options.against else ''}")


def _run(checkout: Path, words: list[str], folder: Path) -> tuple[float, float, float]:
    """Return time by the clock [s], processor time [s] and peak memory [bytes] of a program."""
    for made in folder.glob("made*"):
        shutil.rmtree(made)
    environment = os.environ | {"PYTHONPATH": str(checkout.absolute()), "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    call = [sys.executable, *words]
    start = time.perf_counter()
    done = subprocess.run(call, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    clock = time.perf_counter() - start
    seconds, memory = done.stderr.split()[-2:]
    return clock, float(seconds), float(memory)


if __name__ == "__main__":
    main()
