"""How long a newcomer waits for `aecbench quickstart`: from a fresh checkout, and again once all code is compiled.

Run from a checkout: python benchmarks/quickstart.py [--before CHECKOUT] [--rounds N]

A run takes place in a copy of the checkout without compiled code, of Python or of numba, and in an empty folder, with
the packages that are installed here. The second run has another empty folder and the code of the first one; the
difference of the two is what compilation takes. With `--before`, another checkout takes its turn in every round, and
the ratio is printed. Wall time, so nothing else should run.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

HERE = Path(__file__).parents[1]
GOAL = 60.0
PROGRAM = "from aecbench.cli import main; main()"
PARTS = ("aecbench", "baselines", "recipes", "packs", "leaderboards")  # of a checkout: what quickstart reads


class Waits(NamedTuple):
    """Seconds of wall time, and of processor time."""

    first: float
    again: float
    first_processor: float
    again_processor: float


def main() -> None:
    """Run in turn, and print the medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, metavar="CHECKOUT")
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    checkouts = [checkout.resolve() for checkout in (options.before, HERE) if checkout is not None]
    rounds = np.array([[waits(checkout) for checkout in checkouts] for _ in range(options.rounds)])
    for checkout, medians in zip(checkouts, np.median(rounds, 0), strict=True):
        wait = Waits(*medians)
        print(
            f"{checkout.name}: {wait.first:.1f} s (goal {GOAL:.0f}), {wait.first_processor:.1f} s of processor time; "
            f"again {wait.again:.1f} s, {wait.again_processor:.1f} s"
        )
    if options.before is not None:
        ratios = rounds[:, 0] / rounds[:, 1]
        print(
            f"before / now: {np.median(ratios[:, 0]):.2f} in wall time, {np.median(ratios[:, 2]):.2f} in processor time"
        )


def waits(checkout: Path) -> Waits:
    """Return the times of both runs."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "checkout"
        for part in PARTS:
            shutil.copytree(checkout / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        first, again = (quickstart(copy, Path(folder) / name) for name in ("first", "again"))
    return Waits(first[0], again[0], first[1], again[1])


def quickstart(checkout: Path, folder: Path) -> tuple[float, float]:
    """Return wall and processor time of a run in a new folder."""
    folder.mkdir()
    rid = {"NUMBA_CACHE_DIR", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE", "OMP_NUM_THREADS"}
    environment = {name: value for name, value in os.environ.items() if name not in rid}
    environment |= {"PYTHONPATH": str(checkout), "MPLCONFIGDIR": str(checkout / "matplotlib")}
    before, start = os.times(), time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", PROGRAM, "quickstart", "--json"],
        cwd=folder,
        env=environment,
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    after = os.times()
    processor = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - start, processor


if __name__ == "__main__":
    main()
