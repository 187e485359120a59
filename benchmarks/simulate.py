"""The simulator beside the script that people write today: rooms, time, where it goes, processes, memory, as ratios.

Run from a checkout: pip install rir-generator; python benchmarks/simulate.py [--quick] [--speech SRC] [--noise SRC]

The scenes are those of the recipe speech-v1, of 10 s. Without --speech and --noise, talkers and noises are made up.
Milliseconds are CPU time where one process works, by the clock where two do. Everything is run in turn, and the median
of the rounds is printed.
"""

import argparse
import cProfile
import functools
import os
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import joblib
import numpy as np
import plain
import pyroomacoustics as pra
import rooms
import soundfile

from aecbench.corpus import Corpus
from aecbench.corpus.format import PACKED, SHARDS, Record, encode
from aecbench.corpus.read import Shard
from aecbench.corpus.write import pack
from aecbench.dsp import audio
from aecbench.dsp.convolve import convolve
from aecbench.dsp.levels import active_power
from aecbench.recipe import read_recipe
from aecbench.scenes import devices
from aecbench.scenes.draw import draw
from aecbench.scenes.noise.recorded import NoiseFiles
from aecbench.scenes.noise.synthetic import pink, speech_shaped, white
from aecbench.scenes.rooms import ENGINES, measured_rt60
from aecbench.scenes.scene import Scene
from aecbench.scenes.sources import open_sources
from aecbench.scenes.spec import CorpusSpec
from aecbench.scenes.speech.recorded import SpeechFiles
from aecbench.signals import STEMS, Array
from aecbench.simulate import simulate

RATE = 16_000
SPLIT = "train"


def main() -> None:
    """Everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rooms and scenes")
    parser.add_argument("--speech", metavar="SRC", help="folder, CSV or pack of speech")
    parser.add_argument("--noise", metavar="SRC", help="folder, CSV or pack of noise (default: that of --speech)")
    options = parser.parse_args()
    rooms.report(quick=options.quick)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        speech = options.speech or made_up_speech(folder / "speech")
        noise = options.noise or options.speech or made_up_noise(folder / "noise")
        rounds, scenes = (3, 8) if options.quick else (5, 24)
        for rt60 in (None, "devices"):
            spec = recipe(speech, noise, scenes, rt60)
            compare(spec, folder, rounds)
        shares(recipe(speech, noise, 4 * scenes), folder)
        scaling(recipe(speech, noise, 4 * scenes), folder, rounds)
        memory(speech, noise)


def recipe(speech: str, noise: str, scenes: int, rt60: str | None = None, **changes: Any) -> CorpusSpec:
    """The recipe speech-v1 with other sources, as many scenes of one split, and another distribution of RT60."""
    options = {"speech.source": speech, "noise.source": noise, "room.rt60": rt60, **changes}
    return read_recipe("speech-v1", (), options, split=SPLIT, scenes=scenes)


def made_up_speech(folder: Path, speakers: int = 24, utterances: int = 3) -> str:
    """Noise with the spectrum and the rhythm of speech, 8 to 16 s per file, as 16 kHz FLAC."""
    for speaker in range(speakers):
        (folder / f"{speaker:02d}").mkdir(parents=True)
        for utterance in range(utterances):
            rng = np.random.default_rng([speaker, utterance])
            t = np.arange(round(rng.uniform(8, 16) * RATE)) / RATE
            syllables = np.sin(np.pi * rng.uniform(3, 6) * t + rng.uniform(0, 6)) ** 2
            phrases = np.repeat(rng.random(t.size // 4000 + 1) > 0.2, 4000)[: t.size]
            x = 0.03 * speech_shaped(rng, t.size, RATE) * syllables * phrases
            soundfile.write(folder / f"{speaker:02d}" / f"{utterance}.flac", x, RATE)
    return str(folder)


def made_up_noise(folder: Path, recordings: int = 40) -> str:
    """Pink noise of 5 s, and of 60 s in every fourth file, as 44.1 kHz OGG."""
    folder.mkdir(parents=True)
    for number in range(recordings):
        x = 0.05 * pink(np.random.default_rng(number), 44_100 * (5 if number % 4 else 60), 44_100)
        with soundfile.SoundFile(folder / f"noise-{number:02d}.ogg", "w", 44_100, 1) as file:
            for part in np.array_split(x, 60):  # libsndfile overflows its stack for long ones
                file.write(part)
    return str(folder)


def compare(spec: CorpusSpec, folder: Path, rounds: int) -> None:
    """The whole simulation, to the verified file, beside the plain script and beside its unavoidable parts."""
    pra.constants.set("num_threads", 1)
    rows = [one_round(spec.model_copy(update={"seed": seed}), folder) for seed in range(rounds + 1)][1:]
    script, ours, *parts = 1e3 * np.median(rows, axis=0) / spec.splits.train
    ratios = [row[0] / row[1] for row in rows]
    print(f"Milliseconds of one core per scene, {rounds} x {spec.splits.train} scenes of {spec.name}, {spread(spec)}")
    print(f"  plain script {script:.0f}, aecbench {ours:.1f}: {np.median(ratios):.1f}x")
    floor = [sum(row[2:]) for row in rows]
    print(
        f"  unavoidable: {parts[0]:.1f} two responses + {parts[1]:.1f} convolutions + {parts[2]:.1f} compression; "
        f"aecbench takes {np.median([row[1] / least for row, least in zip(rows, floor, strict=True)]):.2f} times as long"
    )


def spread(spec: CorpusSpec) -> str:
    """The distribution of RT60 in words."""
    return f"RT60 {spec.room.rt60.low:g} to {spec.room.rt60.high:g} s"


def one_round(spec: CorpusSpec, folder: Path) -> list[float]:
    """CPU seconds of the plain script, of aecbench, and of its unavoidable parts, for all scenes of a specification."""
    sources = open_sources(spec)
    assert isinstance(sources.speech, SpeechFiles)
    assert isinstance(sources.noise, NoiseFiles)
    speech, noises = sources.speech.files.path, sources.noise.collection.path
    scenes = [draw(spec, SPLIT, index, sources) for index in range(spec.splits.train)]
    with tempfile.TemporaryDirectory(dir=folder) as out:

        def script() -> None:
            for scene in scenes:
                plain.simulate(scene, speech, noises, Path(out))

        times = [seconds(script), seconds(lambda: simulate(spec, Path(out) / "corpus"))]
        stored = [record for shard in records(Path(out) / "corpus") for record in shard]
    times.append(seconds(lambda: [two_responses(scene) for scene in scenes]))
    times.append(seconds(lambda: [convolutions(scene) for scene in scenes]))
    times.append(seconds(lambda: compress(stored)))
    return times


def seconds(task: Callable[[], Any]) -> float:
    """CPU time of this process."""
    start = time.process_time()
    task()
    return time.process_time() - start
