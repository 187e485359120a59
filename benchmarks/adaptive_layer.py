"""The adaptive filter as a layer beside a plain torch loop, and beside a network that drives it; as ratios.

Run from a checkout: python benchmarks/adaptive_layer.py [--threads N] [--rounds N]

Times are CPU times of one thread and wall times of --threads threads, all in turn. Memory is the peak resident size of
a process that ran one step, above that of one that made the inputs alone.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from aecbench.cancellers.deep.layers.subband_nlms import Adapt, plain_loop

SIGNALS, BINS, FRAMES, TAPS, HIDDEN = 8, 257, 400, 10, 300
OPTIONS = (1e-6, False)
SPEED_GOAL, SHARE_GOAL, MEMORY_GOAL, AGREEMENT_GOAL = 10, 0.25, 5, 1e-5
LAYERS: dict[str, Callable[..., tuple[Tensor, Tensor]]] = {"layer": Adapt.apply, "loop": plain_loop}


class Network(nn.Module):
    """Two LSTM layers and two fully connected ones: features of three spectra -> step sizes and complex references."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(3 * BINS, HIDDEN, 2, batch_first=True)
        self.head = nn.Sequential(nn.Linear(HIDDEN, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 3 * BINS))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Features [S, T, 3 F] -> step sizes [S, T, F] in 0 ... 1, references [S, T, F]."""
        step_size, real, imaginary = self.head(self.lstm(features)[0]).chunk(3, -1)
        return step_size.sigmoid(), torch.complex(real, imaginary)


def main() -> None:
    """All in turn; shares are ratios of medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--memory-of", choices=("inputs", *LAYERS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        print_memory(options.memory_of)
        return
    print(f"Forward and backward of {SIGNALS} signals, {BINS} bins, {FRAMES} frames, {TAPS} taps")
    base, layer, loop = (memory_in_child(name) for name in ("inputs", *LAYERS))
    ratio = (loop - base) / (layer - base)
    print(f"  memory: layer {layer - base:.0f} MB, loop {loop - base:.0f} MB: {ratio:.1f}x less (goal {MEMORY_GOAL}x)")
    print(f"  layer and loop differ by {difference():.1e} of the largest value or gradient (goal {AGREEMENT_GOAL:g})")
    report("CPU, 1 thread", 1, time.process_time, options.rounds)
    report(f"wall, {options.threads} threads", options.threads, time.perf_counter, options.rounds)


def report(title: str, threads: int, clock: Callable[[], float], rounds: int) -> None:
    """One line of times, and two of ratios: every round's to the loop, and the share in a training step."""
    torch.set_num_threads(threads)
    inputs, network, features = make_inputs(), Network(), torch.randn(SIGNALS, FRAMES, 3 * BINS)
    runs = [lambda: run("layer", inputs), lambda: run("loop", inputs), lambda: drive(network, features)]
    times = np.array([[seconds(run, clock) for run in runs] for _ in range(rounds + 1)][1:])
    layer, loop, lstm = 1e3 * np.median(times, axis=0)
    ratios = times[:, 1] / times[:, 0]
    print(f"  {title}: layer {layer:.0f} ms, loop {loop:.0f} ms, network alone {lstm:.0f} ms")
    rows = ", ".join(f"{ratio:.1f}" for ratio in ratios)
    print(f"    {np.median(ratios):.1f}x the speed of the loop, in the rounds {rows} (goal {SPEED_GOAL}x in each)")
    print(f"    adds {layer / lstm:.1%} to a training step of the network (goal {SHARE_GOAL:.0%})")


def make_inputs() -> list[Tensor]:
    """Reference, microphone, step sizes and first weights, all of which ask for gradients."""
    torch.manual_seed(0)
    x = torch.randn(SIGNALS, TAPS - 1 + FRAMES, BINS, dtype=torch.complex64)
    mic = torch.randn(SIGNALS, FRAMES, BINS, dtype=torch.complex64)
    weights = torch.zeros(SIGNALS, TAPS, BINS, dtype=torch.complex64)
    return [z.requires_grad_() for z in (x, mic, torch.rand(SIGNALS, FRAMES, BINS), weights)]


def run(name: str, inputs: list[Tensor]) -> list[Tensor]:
    """Forward and backward: error, last weights and the four gradients of the power of the error."""
    outputs = LAYERS[name](*inputs, *OPTIONS)
    return [*outputs, *torch.autograd.grad(torch.view_as_real(outputs[0]).square().sum(), inputs)]


def drive(network: Network, features: Tensor) -> None:
    """Forward and backward of the network alone."""
    network.zero_grad()
    step_size, reference = network(features)
    (step_size.square().sum() + torch.view_as_real(reference).square().sum()).backward()


def difference() -> float:
    """The largest difference of layer and loop over all results, each relative to the largest value of its kind."""
    inputs = make_inputs()
    pairs = zip(run("layer", inputs), run("loop", inputs), strict=True)
    return max(float(((a - b).abs().max() / b.abs().max()).detach()) for a, b in pairs)


def seconds(function: Callable[[], object], clock: Callable[[], float]) -> float:
    """Time of one call [s]."""
    start = clock()
    function()
    return clock() - start


def memory_in_child(name: str) -> float:
    """What `print_memory` says in a process of its own [MB]; that is never less than this process has by now."""
    command = [sys.executable, __file__, "--memory-of", name]
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


def print_memory(name: str) -> None:
    """Peak resident size after one step [MB]; code is loaded, and compiled, by one of two frames first."""
    inputs = make_inputs()
    for layer in LAYERS:
        run(layer, [z[:1, : TAPS + 1] if z.shape[1] > FRAMES else z[:1, :2] for z in inputs[:3]] + [inputs[3][:1]])
    if name in LAYERS:
        run(name, inputs)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)


if __name__ == "__main__":
    main()
