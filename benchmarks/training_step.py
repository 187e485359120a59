"""A training step of the networks: how much faster than in other code, such as a checkout of an earlier version.

Run from a checkout: python benchmarks/training_step.py [--before FOLDER] [--threads N] [--rounds N] [--batch N]

A step is preparation, loss, gradients and optimiser on a batch of noise with its echo, in processor time where there is
one thread and in wall time where there are more. Both codes run in processes of their own, in turn, round after round;
the ratio is the one of the medians. The parts are those of this code: listening (the closed loop without gradients),
replay (the same frames with gradients), control (the network behind the filter), the losses, and the way back.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parents[1]
RATE, GOAL = 16_000, 1.5
NETWORKS = {  # each with its parts: "module:Class.function" or "module:function"
    "deep_joint": {
        "listening": "parts.learned_filter:LearnedFilter.hear",
        "replay": "parts.learned_filter:LearnedFilter.replay",
        "control": "parts.control:Control.forward",
        "losses": "deep_joint:joint_loss",
    },
    "deep_step_size": {
        "listening": "deep_step_size:DeepStepSize._observation",
        "replay": "deep_step_size:DeepStepSize._masks",
        "losses": "deep_step_size:disturbance",
    },
    "deep_adaptive": {
        "Kalman filter": "framewise:FramewiseNetwork.spectra",
        "control": "parts.control:Control.forward",
        "losses": "parts.steered:objective",
    },
}
CLASSES = {"deep_joint": "DeepJoint", "deep_step_size": "DeepStepSize", "deep_adaptive": "DeepAdaptive"}


def main() -> None:
    """Print a line for every network, and where there is code to compare with the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="checkout of the code to compare with")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=7.0)
    parser.add_argument("--network", choices=NETWORKS, action="append", help="only this one; repeat for several")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(steps(options.network[0], options)))
        return
    audio = options.batch * options.seconds
    clock = "processor time" if options.threads == 1 else f"wall time, {options.threads} threads"
    print(f"training step on {options.batch} signals of {options.seconds:g} s; {clock}; medians of {options.rounds}")
    for name in options.network or NETWORKS:
        folders = [HERE] if options.before is None else [HERE, options.before]
        rounds = [[in_child(folder, name, options) for folder in folders] for _ in range(options.rounds)]
        now, *before = (median(times[i]["step"] for times in rounds) for i in range(len(folders)))
        parts = {part: median(times[0][part] for times in rounds) for part in rounds[0][0] if part != "step"}
        listed = ", ".join(f"{part} {seconds:.2f}" for part, seconds in parts.items())
        print(f"  {name}: {now:.2f} s, {audio / now:.1f} s of audio per second ({listed})")
        for earlier in before:
            print(f"    {earlier / now:.2f}x the speed before, {earlier:.2f} s (goal {GOAL}x)")


def in_child(folder: Path, name: str, options: argparse.Namespace) -> dict[str, float]:
    """Return the times [s] of a step and its parts in a process that imports the code in a folder."""
    environment = os.environ | {"PYTHONPATH": str(folder.resolve()), "OMP_NUM_THREADS": str(options.threads)}
    command = [sys.executable, __file__, "--child", "--network", name, "--threads", str(options.threads)]
    command += ["--batch", str(options.batch), "--seconds", str(options.seconds)]
    result = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=True)
    times: dict[str, float] = json.loads(result.stdout)
    return times


def steps(name: str, options: argparse.Namespace) -> dict[str, float]:
    """Return the times [s] of the second of two steps, when all is compiled, and of its parts."""
    import torch

    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    clock = time.process_time if options.threads == 1 else time.perf_counter
    kind = getattr(import_module(f"aecbench.cancellers.deep.{name}"), CLASSES[name])
    as_in_training()
    times: dict[str, float] = {}
    for part, path in NETWORKS[name].items():
        measure(path, part, times, clock)
    network, batch = kind(kind.Config()).train(), make_batch(options.batch, round(options.seconds * RATE))
    optimizer = torch.optim.AdamW(network.parameters(), 1e-4)
    for _ in range(2):
        times.clear()
        start = clock()
        prepared = network.prepare(batch)
        ready = clock()
        loss, _ = network.loss(prepared)
        back = clock()
        loss.backward()
        end = clock()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        times |= {"preparation": ready - start, "way back": end - back, "step": clock() - start}
    return times


def as_in_training() -> None:
    """Treat memory as `aecbench train` does, in code that has a way of its own."""
    try:
        memory = import_module("aecbench.memory")
    except ModuleNotFoundError:
        return
    memory.keep_freed_memory(memory.ALL)


def measure(path: str, part: str, times: dict[str, float], clock: Callable[[], float]) -> None:
    """Add the time that a function takes to its part; nothing where this code does not have it."""
    module, names = path.split(":")
    owner: Any = import_module(f"aecbench.cancellers.deep.{module}")
    *classes, last = names.split(".")
    for each in classes:
        owner = getattr(owner, each)
    if not hasattr(owner, last):
        return
    function = getattr(owner, last)

    @wraps(function)
    def timed(*arguments: Any, **named: Any) -> Any:
        start = clock()
        result = function(*arguments, **named)
        times[part] = times.get(part, 0.0) + clock() - start
        return result

    setattr(owner, last, timed)


def make_batch(signals: int, samples: int) -> Any:
    """Return echoes of noise, with noise at the near end."""
    import torch

    from aecbench.cancellers.deep.base import Batch

    far, near, noise = (0.1 * torch.randn(signals, samples) for _ in range(3))
    echo = 0.5 * far.roll(100, -1)
    return Batch(near + echo + noise, far, near, echo, noise)


if __name__ == "__main__":
    main()
