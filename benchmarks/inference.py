"""Trained networks without torch beside the same networks in torch and in onnxruntime: time, output, start, memory.

Run from a checkout: python benchmarks/inference.py [SYSTEM ...] [--rounds N] [--seconds S]

The real-time factor (RTF) is processor time per time of audio without the delay tracker: step after step, and for whole
signals, where several frames are processed at once. All take their turn, round after round, and the fastest round of
each step counts, so that other programs on the machine hardly disturb. The start is a process that loads the system and
cancels ten seconds of audio: its processor time and the most memory it used, a median.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from aecbench.cancellers.base import Streaming
from aecbench.cancellers.deep.export.onnx import export, exportable
from aecbench.cancellers.external.onnx import OnnxModel
from aecbench.costs import scene
from aecbench.systems import load_system

SYSTEMS = ("deep_step_size", "deep_adaptive", "deep_adaptive_2022", "deep_joint")
RATE = 16_000
PROGRAM = """
import sys, time
from aecbench.costs import process_peak, scene
from aecbench.systems import load_system
canceller = load_system(sys.argv[1], "none").canceller
if sys.argv[2] == "torch":
    canceller = canceller.trained().canceller()
canceller.cancel(*scene())
print(time.process_time(), process_peak() / 2**20)
"""


def main() -> None:
    """Time every system in turn, round after round."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("systems", nargs="*", default=SYSTEMS, metavar="SYSTEM")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--starts", type=int, default=3)
    options = parser.parse_args()
    mic, far = (x[: int(options.seconds * RATE)] for x in scene())
    with tempfile.TemporaryDirectory() as folder:
        for name in options.systems:
            variants = _variants(name, Path(folder))
            outputs = {kind: canceller.cancel(mic, far) for kind, canceller in variants.items()}  # and compile
            rounds = [[_steps(canceller, mic, far) for canceller in variants.values()] for _ in range(options.rounds)]
            whole = min(_whole(variants["numpy"], mic, far) for _ in range(options.rounds)) / options.seconds
            starts = [[_start(name, kind) for kind in ("numpy", "torch")] for _ in range(options.starts)]
            ours, *others = np.min(rounds, axis=0).sum(-1) / options.seconds
            difference = np.abs(outputs["numpy"] - outputs["torch"]).max()
            (start, memory), (torch_start, torch_memory) = np.median(starts, axis=0)
            told = ", ".join(
                f"{other / ours:.1f}x {kind}" for kind, other in zip(variants, [ours, *others], strict=True)
            )
            print(f"{name}: RTF {ours:.4f} ({told}), {whole:.4f} for whole signals; {difference:.1e} from torch")
            print(f"  start {start:.2f} s ({torch_start:.2f} s in torch), {memory:.0f} MiB ({torch_memory:.0f} MiB)")


def _variants(name: str, folder: Path) -> dict[str, Streaming[Any]]:
    """Return the canceller of a system in NumPy, torch and onnxruntime."""
    ours: Any = load_system(name, "none").canceller
    torch: Any = exportable(ours, name)
    model = export(torch, folder / f"{Path(name).name}.onnx", name=name)
    return {"numpy": ours, "torch": torch, "onnxruntime": OnnxModel(str(model))}


def _steps(canceller: Streaming[Any], mic: Any, far: Any) -> list[float]:
    """Return the processor time of every step."""
    state, times = canceller.init((1,)), []
    for start in range(0, mic.size - canceller.block + 1, canceller.block):
        block = [np.array(x[None, start : start + canceller.block]) for x in (mic, far)]
        before = time.process_time()
        state, _ = canceller.consume(state, *block)
        times.append(time.process_time() - before)
    return times


def _whole(canceller: Streaming[Any], mic: Any, far: Any) -> float:
    """Return the processor time of `cancel`."""
    before = time.process_time()
    canceller.cancel(mic, far)
    return time.process_time() - before


def _start(name: str, kind: str) -> list[float]:
    call = [sys.executable, "-c", PROGRAM, name, kind]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(call, capture_output=True, text=True, check=True, env=environment)
    return [float(number) for number in done.stdout.split()]


if __name__ == "__main__":
    main()
