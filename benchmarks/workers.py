"""Scenes per second on the workers of a Dask cluster: 1, 2 and 4 of them on this machine, and without Dask.

Run from a checkout, on a machine that does nothing else: python benchmarks/workers.py [--scenes 200] [--workers 1,2,4]

The clock runs from the first scene to the finished corpus; workers have started and loaded compiled code before. The
efficiency is the speed over that of one process without Dask times the number of workers, or of cores where these are
fewer. The last column is the processor time of this process, which receives, checks and writes all scenes: it limits
the speed of any number of workers to scenes / this time.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

from distributed import Client, LocalCluster

from aecbench.recipe import read_recipe
from aecbench.simulation import simulate

RECIPE = "quickstart-v1"
WARM_UP = 16  # scenes per worker


def main() -> None:
    """Simulate the same corpus without Dask and on each number of workers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=200, help="scenes of the corpus [200]")
    parser.add_argument("--workers", default="1,2,4", help="numbers of workers [1,2,4]")
    options = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    print(f"{options.scenes} scenes of {RECIPE}, {cores} cores\n")
    print("| processes | scenes/s | efficiency | writer [s] |\n|---|---|---|---|")
    alone, busy = timed(options.scenes, None, 1)
    print(f"| 1, without Dask | {alone:.1f} | 1 | {busy:.1f} |", flush=True)
    for count in map(int, options.workers.split(",")):
        with LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None) as cluster, Client(cluster):
            speed, busy = timed(options.scenes, cluster.scheduler_address, count)
        print(f"| {count}, Dask | {speed:.1f} | {speed / alone / min(count, cores):.2f} | {busy:.1f} |", flush=True)


def timed(scenes: int, scheduler: str | None, workers: int) -> tuple[float, float]:
    """Return scenes per second, and the processor time of this process [s]."""
    with tempfile.TemporaryDirectory() as folder:
        simulate(read_recipe(RECIPE, scenes=WARM_UP * workers), Path(folder) / "first", scheduler=scheduler)
        start, busy = time.perf_counter(), time.process_time()
        simulate(read_recipe(RECIPE, scenes=scenes), Path(folder) / "corpus", scheduler=scheduler)
        return scenes / (time.perf_counter() - start), time.process_time() - busy


if __name__ == "__main__":
    main()
