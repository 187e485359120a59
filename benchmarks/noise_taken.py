"""The price of noise reduction in true-echo ERLE: the scores of a network's output with the noise it removed put back.

Run from a checkout: python benchmarks/noise_taken.py CORPUS [--model MODEL] [--split SPLIT] [--scenes N]

True-echo ERLE counts whatever is subtracted besides the echo as an error, noise included, whereas PESQ and STOI compare
with a near end without noise. A canceller that decides on a gain behind its filter passes the noise with that gain, so
what it removed is known from the stem: noise less the noise with the gain.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.fft import irfft, rfft

from aecbench.cancellers.align import unaligned
from aecbench.cancellers.deep.inference.canceller import InferenceCanceller
from aecbench.corpus import open_corpus
from aecbench.dsp import stft
from aecbench.metrics import score
from aecbench.signals import Array, Signals
from aecbench.systems import System, load_system

METRICS = ("erle_true", "erle", "pesq", "stoi", "si_sdr")
SHARES = (0.0, 0.25, 0.5, 1.0)  # of the removed noise that is put back


def main() -> None:
    """Print a row of means for each share."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--model", default="deep_joint", help="a network that decides on a gain [deep_joint]")
    parser.add_argument("--split", default="val", help="of the corpus [val]")
    parser.add_argument("--scenes", type=int, default=48, help="scenes of each kind [48]")
    options = parser.parse_args()
    system = load_system(options.model)
    if not isinstance(unaligned(system.canceller), InferenceCanceller):
        parser.error(f"{options.model} is not a network that runs without torch; give another one")
    corpus = open_corpus(options.corpus).split(options.split)
    print(f"{options.model}, split {options.split} of {options.corpus.name}, means; share: of the noise, put back")
    for talk in ("double", "far_single"):
        scenes = corpus.where(talk=talk)[: options.scenes]
        rows = [scores(system, signals, scene.rate) for scene, signals, _ in scenes]
        table = pd.DataFrame(np.mean(rows, 0), pd.Index(SHARES, name="share"), METRICS)
        print(f"\n{talk}, {len(rows)} scenes\n{table.dropna(axis=1).round(2)}")


def scores(system: System, signals: Signals, rate: int) -> list[list[float]]:
    """Return the scores [SHARES, METRICS] of a scene."""
    output = system.cancel(signals.mic, signals.far)
    gain = system.canceller.inspect(signals.mic, signals.far)["gain"]
    removed = signals.noise - passed(signals.noise, gain, unaligned(system.canceller))
    return [
        [float(score(name, signals, (output + share * removed).astype(np.float32), rate).value) for name in METRICS]
        for share in SHARES
    ]


def passed(noise: Array, gain: NDArray[np.float32], network: InferenceCanceller) -> Array:
    """Return the noise [T] after the gain [N, F] of the short frames of deep_joint."""
    config, hop = network.network.config, network.block
    before = config.short + config.lag - config.n_fft // 2  # samples of the first short frame that precede the signal
    window = stft.window(config.short, hop)
    padded = np.pad(noise, (before, len(gain) * hop + config.short - before - noise.size))
    frames = irfft(gain * rfft(window * sliding_window_view(padded, config.short)[: len(gain) * hop : hop])) * window
    output = np.zeros(padded.size)
    for start, frame in zip(range(0, len(gain) * hop, hop), frames, strict=True):
        output[start : start + config.short] += frame
    return output[before : before + noise.size]


if __name__ == "__main__":
    main()
