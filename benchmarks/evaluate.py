"""What an evaluation costs: beside the PESQ and STOI calls alone, again from the cache, and in memory; as ratios.

Run from a checkout: python benchmarks/evaluate.py [--corpus DIR] [--split S] [--scenes N] [--model NAME]
           [--align A] [--jobs N]

The calls alone are those of the packages pesq and pystoi on near end and output of each scene in which both ends talk
or the near end talks, read and cancelled before the clock starts. The evaluation reads, cancels and scores all scenes,
with the default metrics. Both run in as many processes. One ratio is in wall time, which other programs on the
machine change, the other in processor time of all processes together (on Linux).
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from pesq import pesq
from pystoi import stoi

from aecbench.corpus import Corpus, open_corpus
from aecbench.evaluation import evaluate
from aecbench.metrics import DEFAULT_METRICS, METRICS
from aecbench.parallel import in_processes
from aecbench.signals import Array
from aecbench.systems import load_system

ROUNDS = 3
GOAL = 1.2
MEMORY = """
import sys
from pathlib import Path
from aecbench.corpus import open_corpus
from aecbench.costs import process_peak
from aecbench.evaluation import evaluate
from aecbench.systems import load_system
path, split, scenes, model = sys.argv[1:]
evaluate(load_system(model), open_corpus(Path(path)).split(split)[:int(scenes)], split=split)
print(process_peak() / 1e6)
"""


def main() -> None:
    """Both in turn, a few times; the medians of the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, default=Path("corpora/speech-v1"), metavar="DIR")
    parser.add_argument("--split", default="test")
    parser.add_argument("--scenes", type=int, default=100)
    parser.add_argument("--model", default="kalman")
    parser.add_argument("--align", default="auto")
    parser.add_argument("--jobs", type=int, default=1)
    options = parser.parse_args()
    scenes = open_corpus(options.corpus).split(options.split)[: options.scenes]
    speed(scenes, options)
    memory(options)


def speed(scenes: Corpus, options: argparse.Namespace) -> None:
    """Wall time of everything, of the calls alone, of one core; and of the evaluation from the cache."""
    system = load_system(options.model, options.align)
    outputs = [(item.signals.near, system.canceller.cancel(item.signals.mic, item.signals.far)) for item in scenes]
    talk = scenes.scenes["talk"]
    heard = [pair for pair, kind in zip(outputs, talk, strict=True) if kind != "far_single"]
    setting = f"{options.model}, align {options.align}, {options.jobs} processes"
    print(f"{len(scenes)} scenes, {len(heard)} with a near end; {setting}")
    few = {name: METRICS[name] for name in ("pesq", "stoi")}
    everything(scenes[:8], options, DEFAULT_METRICS)  # processes are started, kernels compiled
    calls_alone(heard[:8], options.jobs)
    rows = [
        (
            timed(calls_alone, heard, options.jobs),
            timed(calls_alone, outputs, options.jobs),
            timed(everything, scenes, options, DEFAULT_METRICS),
            timed(everything, scenes, options, few),
        )
        for _ in range(ROUNDS)
    ]
    alone, on_all, full, less = np.median(rows, axis=0)[:, 0]
    print(f"PESQ and STOI alone, where there is a near end: {alone:.1f} s")
    print(f"PESQ and STOI alone, in all scenes:             {on_all:.1f} s")
    print(f"evaluation, metrics PESQ and STOI only:         {less:.1f} s")
    print(f"evaluation, {len(DEFAULT_METRICS)} metrics:                          {full:.1f} s")
    ratios = np.median(np.array(rows)[:, 2, None] / np.array(rows)[:, :2], axis=0)
    for kind, (talk_only, in_all) in zip(("wall time", "processor time"), ratios.T, strict=True):
        print(f"ratio in {kind} {talk_only:.2f}, against calls in all scenes {in_all:.2f} (goal {GOAL})")
    with tempfile.TemporaryDirectory() as folder:
        everything(scenes, options, DEFAULT_METRICS, Path(folder))
        again, _ = timed(everything, scenes, options, DEFAULT_METRICS, Path(folder))
    print(f"again, from the cache: {again:.2f} s, {again / full:.3f} of the first time")


def everything(scenes: Corpus, options: argparse.Namespace, metrics: Any, cache: Path | None = None) -> None:
    """An evaluation."""
    evaluate(
        load_system(options.model, options.align), scenes, metrics, split=options.split, jobs=options.jobs, cache=cache
    )


def calls_alone(pairs: list[tuple[Array, Array]], jobs: int) -> None:
    """What nobody can do without; in the processes that evaluate, since other ones would take their place."""
    for _ in in_processes((joblib.delayed(both)(near, output) for near, output in pairs), jobs):
        pass


def both(near: Array, output: Array) -> None:
    """PESQ and STOI of one scene."""
    if near.any():
        pesq(16_000, near, output, "wb")
        stoi(near, output, 16_000)
    else:  # the same work, for the ratio over all scenes
        pesq(16_000, output, output, "wb")
        stoi(output, output, 16_000)


def timed(function: Any, *arguments: Any) -> tuple[float, float]:
    """Seconds of wall time, and of processor time."""
    processor, start = processor_time(), time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start, processor_time() - processor


def processor_time() -> float:
    """Seconds of processor time of this process and of the living ones that descend from it; of Linux."""
    processes = {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            fields = file.read_text().rpartition(")")[2].split()
            processes[int(file.parent.name)] = int(fields[1]), int(fields[11]) + int(fields[12])
    family, size = {os.getpid()}, 0
    while len(family) > size:
        size = len(family)
        family |= {process for process, (parent, _) in processes.items() if parent in family}
    ticks = sum(processes[process][1] for process in family if process in processes)
    return ticks / os.sysconf("SC_CLK_TCK") if processes else np.nan


def memory(options: argparse.Namespace) -> None:
    """The highest use of memory in one process, over a quarter and over all of the scenes."""
    peaks = {}
    for scenes in (options.scenes // 4, options.scenes):
        call = [sys.executable, "-c", MEMORY, str(options.corpus), options.split, str(scenes), options.model]
        peaks[scenes] = float(subprocess.run(call, check=True, capture_output=True, text=True).stdout)
    (fewer, low), (more, high) = peaks.items()
    print(f"peak memory: {low:.0f} MB of {fewer} scenes, {high:.0f} MB of {more}: ratio {high / low:.3f}")


if __name__ == "__main__":
    main()
