"""deep_step_size beside real time: how fast it trains, and what streaming takes; of one core, in processor time.

Run from a checkout: python benchmarks/deep_step_size.py [--rounds N] [--seconds S]

Training is the loss and its gradients of a batch of 16, the far end's alignment included, data and optimiser not. The
real-time factor (RTF) is processor time per time of audio while the canceller runs step after step; beside it
is subband_kalman's. The plain loop is the same filter in torch operations, forwards and backwards.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from aecbench.cancellers.base import Streaming
from aecbench.cancellers.deep.base import Batch
from aecbench.cancellers.deep.deep_step_size import DeepStepSize
from aecbench.cancellers.deep.layers.step_size_filter import Adapt, Settings, Signals, State, places, plain_loop
from aecbench.cancellers.subband_kalman import SubbandKalman

SIGNALS, RATE = 16, 16_000
TRAINING_GOAL, RTF_GOAL, CORES = 20, 0.08, 2
SIZES = {"narrow": 60_000, "hybrid": 500_000, "broad": 500_000}
PAPER = {"n_fft": 512, "hop_length": 128, "taps": 8, "update": "nlms"}
VARIANTS = {
    "narrow": {"network": "narrow"},
    "hybrid": {"network": "hybrid"},
    "broad": {"network": "broad"},
    "hybrid, feed-forward": {"network": "hybrid", "feedback": False},
    "narrow, filter of the paper": {"network": "narrow", **PAPER},
}


def main() -> None:
    """All variants in turn, round after round; medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    networks = {name: DeepStepSize(DeepStepSize.Config(**fields)) for name, fields in VARIANTS.items()}
    batch = make_batch(SIGNALS, options.seconds)
    for network in networks.values():  # what is compiled is compiled now
        train(network, make_batch(1, 0.2))
        cancel(network.canceller(), make_batch(1, 0.2))
    cancel(SubbandKalman(), make_batch(1, 0.2))
    rounds = [measure(list(networks.values()), batch) for _ in range(options.rounds)]
    *medians, (other, _) = np.median(rounds, axis=0)
    print(f"one core, medians of {options.rounds} rounds; training on {SIGNALS} signals of {options.seconds:g} s")
    for (name, network), (training, streaming) in zip(networks.items(), medians, strict=True):
        size, most = sum(p.numel() for p in network.parameters()), SIZES[network.config.network]
        speed = SIGNALS * options.seconds / training
        print(
            f"  {name}: trains at {speed:.1f}x real time (goal {TRAINING_GOAL}x on {CORES} cores), streams at "
            f"RTF {streaming / options.seconds:.3f} (goal {RTF_GOAL}; {streaming / other:.2f}x subband_kalman), "
            f"{size} parameters (goal {most})"
        )
    ratio = np.median(
        [[seconds(adapt, run) for run in (plain_loop, Adapt.apply)] for _ in range(options.rounds + 1)][1:], 0
    )
    print(f"  the filter, forwards and back: {ratio[0] / ratio[1]:.1f}x the speed of the plain loop")


def measure(networks: list[DeepStepSize], batch: Batch) -> list[tuple[float, float]]:
    """Times of training and streaming of each; last, twice, that of subband_kalman."""
    times = [(seconds(train, n, batch), seconds(cancel, n.canceller(), batch)) for n in networks]
    kalman = seconds(cancel, SubbandKalman(), batch)
    return [*times, (kalman, kalman)]


def make_batch(signals: int, duration: float) -> Batch:
    """Echoes of noise."""
    far, near, noise = (0.1 * torch.randn(signals, round(duration * RATE)) for _ in range(3))
    echo = 0.5 * far.roll(100, -1)
    return Batch(near + echo + noise, far, near, echo, noise)


def train(network: DeepStepSize, batch: Batch) -> None:
    """What a step of training takes, but for the optimiser."""
    network.train().zero_grad()
    network.loss(network.prepare(batch))[0].backward()


def cancel(canceller: Streaming[Any], batch: Batch) -> None:
    """One signal, block by block."""
    canceller.cancel(batch.mic[0].numpy(), batch.far[0].numpy())


def adapt(run: Callable[..., tuple[torch.Tensor, ...]]) -> None:
    """Forward and backward of the filter alone: 4 signals, 60 frames, 513 bins, 16 taps."""
    n, frames, bins, taps = 4, 60, 513, 16
    far, mic = torch.randn(n, taps - 1 + frames, 2, bins), torch.randn(n, frames, 2, bins)
    gain, disturbance, drift = (torch.rand(n, frames, bins) + 0.1 for _ in range(3))
    signals = Signals(far, mic, gain, disturbance, drift, torch.rand(taps), places([taps]))
    state = State(torch.zeros(n, taps, 2, bins), torch.rand(n, taps, bins))
    learnt = [z.requires_grad_() for z in (mic, gain, disturbance, drift, signals.profile, *state)]
    outputs = run(Settings(), *signals, *state)
    torch.autograd.grad(outputs[0].square().sum() + outputs[1].sum(), learnt)


def seconds(function: Callable[..., None], *arguments: object) -> float:
    """Processor time of one call [s]."""
    start = time.process_time()
    function(*arguments)
    return time.process_time() - start


if __name__ == "__main__":
    main()
