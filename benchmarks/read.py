"""Reading whole scenes of a corpus beside a bare h5py loop over the same five signals and echo path; as a ratio.

Run from a checkout: python benchmarks/read.py [--corpus DIR]
"""

import argparse
import shutil
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
from sounds import make_noise, make_speech

from aecbench.corpus import Corpus, open_corpus
from aecbench.corpus.format import SHARDS
from aecbench.recipe import read_recipe
from aecbench.signals import STEMS
from aecbench.simulation import simulate

SCENES, ROUNDS = 60, 11
GOAL = 0.9


def main() -> None:
    """Both, in turn; the ratio is that of the medians of CPU time."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="a corpus [60 scenes of 10 s, made up]")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        corpus = open_corpus(options.corpus or make_corpus(folder))
        other = Path(shutil.copytree(corpus.path / SHARDS, folder / "bare"))  # HDF5 would share what is open twice
        bare = Bare(other, corpus)
        times = np.array([one_round(corpus, bare) for _ in range(ROUNDS + 1)][1:]) / len(corpus)
    alone, ours = 1e3 * np.median(times, axis=0)
    print(f"Milliseconds per scene of {corpus.scenes['duration'].iloc[0]:g} s, five signals and echo path, one core")
    print(f"  bare h5py loop {alone:.2f}, aecbench {ours:.2f}: {alone / ours:.2f}x the speed (goal {GOAL}x)")


def make_corpus(folder: Path) -> Path:
    """Scenes of the recipe speech-v1 with made-up speech and noise."""
    sources = {"speech.source": make_speech(folder / "speech"), "noise.source": make_noise(folder / "noise")}
    return simulate(read_recipe("speech-v1", (), sources, split="test", scenes=SCENES), folder / "corpus").path


class Bare:
    """What a script does that trusts its files: data sets opened once, rows read one by one."""

    def __init__(self, folder: Path, corpus: Corpus) -> None:
        files = {name: h5py.File(folder / name, locking=False) for name in corpus.scenes["shard"].unique()}
        self.data = {name: [file[stem] for stem in (*STEMS, "rir")] for name, file in files.items()}
        self.places = list(zip(corpus.scenes["shard"], corpus.scenes["row"], strict=True))

    def __getitem__(self, index: int) -> list[np.ndarray]:
        shard, row = self.places[index]
        return [data[row] for data in self.data[shard]]


def one_round(corpus: Corpus, bare: Bare) -> tuple[float, float]:
    """CPU time of reading every scene once, bare and as a corpus [s]."""
    return seconds(bare, len(corpus)), seconds(corpus, len(corpus))


def seconds(scenes: Bare | Corpus, count: int) -> float:
    """CPU time of this process [s]."""
    start = time.process_time()
    for index in range(count):
        scenes[index]
    return time.process_time() - start


if __name__ == "__main__":
    main()
