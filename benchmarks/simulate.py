"""The simulator beside the script that people write today: rooms, time, where it goes, processes, memory; as ratios.

Run from a checkout: pip install rir-generator; python benchmarks/simulate.py [--quick] [--speech SRC] [--noise SRC]

Scenes are those of the recipe speech-v1. One process is measured in CPU time, which does not count what others do to
the machine; several are by the clock, beside a control that shows what the machine can give.
"""

import argparse
import cProfile
import os
import pstats
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import plain
import pyroomacoustics as pra
import rooms
from sounds import make_noise, make_speech

from aecbench.corpus.chunk import chunk
from aecbench.corpus.format import SHARDS, Record
from aecbench.corpus.shard import Shard
from aecbench.corpus.write import pack
from aecbench.dsp import audio
from aecbench.dsp.convolve import convolve
from aecbench.dsp.levels import active_power
from aecbench.dsp.resample import resample
from aecbench.parallel import in_parallel
from aecbench.recipe import read_recipe
from aecbench.scenes import devices
from aecbench.scenes.draw import draw
from aecbench.scenes.noise import render_noise
from aecbench.scenes.noise.recorded import NoiseFiles
from aecbench.scenes.noise.synthetic import pink, speech_shaped, white
from aecbench.scenes.rooms import ENGINES, measured_rt60
from aecbench.scenes.scene import Room, Scene
from aecbench.scenes.sources import Sources, open_sources
from aecbench.scenes.spec import CorpusSpec
from aecbench.scenes.speech import speak
from aecbench.scenes.speech.recorded import SpeechFiles
from aecbench.simulation import simulate

SPLIT = "train"


def main() -> None:
    """Everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rooms and scenes")
    parser.add_argument("--speech", metavar="SRC", help="folder, CSV or pack of speech [made up]")
    parser.add_argument("--noise", metavar="SRC", help="folder, CSV or pack of noise [made up]")
    options = parser.parse_args()
    rooms.report(quick=options.quick)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        speech = options.speech or make_speech(folder / "speech")
        noise = options.noise or make_noise(folder / "noise")
        scenes, rounds = (12, 3) if options.quick else (50, 5)
        print("Per scene of 10 s, CPU time of one process")
        simulate(recipe(speech, noise, 2, {"seed": 0}), folder / "warm-up")
        for rt60 in (None, "devices"):
            compare(recipe(speech, noise, scenes, {"room.rt60": rt60}), folder)
        floor(recipe(speech, noise, 100), folder, rounds)
        shares(recipe(speech, noise, 100), folder)
        scaling(recipe(speech, noise, 100), folder, rounds)
        memory(speech, noise)


def recipe(speech: str, noise: str, scenes: int, changes: dict[str, Any] | None = None) -> CorpusSpec:
    """The recipe speech-v1 with other sources, one split of so many scenes, and changes."""
    options = {"speech.source": speech, "noise.source": noise, **(changes or {})}
    return read_recipe("speech-v1", (), options, split=SPLIT, scenes=scenes)


def compare(spec: CorpusSpec, folder: Path) -> None:
    """The whole simulation, to files that are verified, beside the plain script."""
    pra.constants.set("num_threads", 1)
    sources = open_sources(spec)
    assert isinstance(sources.speech, SpeechFiles)
    assert isinstance(sources.noise, NoiseFiles)
    find = sources.speech.files.path, sources.noise.collection.path
    scenes = drawn(spec)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        out = Path(temporary)
        script = seconds(lambda: [plain.simulate(scene, *find, out) for scene in scenes])
        ours = seconds(lambda: simulate(spec, out / "corpus"))
    low, high = (extreme(spec.room.rt60.extremes) for extreme in (min, max))
    print(f"  RT60 {low:g} to {high:g} s: script {1e3 * script / len(scenes):.0f} ms", end="")
    print(f", aecbench {1e3 * ours / len(scenes):.1f} ms: {script / ours:.1f}x")


def floor(spec: CorpusSpec, folder: Path, rounds: int) -> None:
    """The whole simulation beside its unavoidable parts, for the same scenes."""
    scenes = drawn(spec)
    times = np.array([parts(spec, scenes, folder) for _ in range(rounds)])
    ours, paths, filters, compression, reading = 1e3 * np.median(times, axis=0) / len(scenes)
    three, four = (np.median(times[:, 0] / times[:, 1 : 1 + count].sum(axis=1)) for count in (3, 4))
    print(f"  aecbench {ours:.1f} ms beside its unavoidable parts, measured alone:")
    print(f"  responses {paths:.1f} + convolutions {filters:.1f} + compression {compression:.1f}: {three:.2f}x")
    print(f"  ... + reading and resampling the recordings {reading:.1f}: {four:.2f}x")


def parts(spec: CorpusSpec, scenes: list[Scene], folder: Path) -> list[float]:
    """CPU time of all, and of the parts [s]."""
    sources = open_sources(spec)
    with tempfile.TemporaryDirectory(dir=folder) as out:
        ours = seconds(lambda: simulate(spec, Path(out) / "corpus"))
        stored = records(Path(out) / "corpus")
    return [
        ours,
        seconds(lambda: [responses(scene) for scene in scenes]),
        seconds(lambda: [convolutions(scene, record) for scene, record in zip(scenes, stored, strict=True)]),
        seconds(lambda: compress(stored)),
        seconds(lambda: [recordings(scene, sources) for scene in scenes]),
    ]


def drawn(spec: CorpusSpec, split: str = SPLIT) -> list[Scene]:
    """The scenes of a split."""
    sources = open_sources(spec)
    return [draw(spec, split, index, sources) for index in range(spec.splits.model_dump()[split])]


def seconds(task: Callable[[], Any]) -> float:
    """CPU time of this process [s]."""
    start = time.process_time()
    task()
    return time.process_time() - start


def records(corpus: Path) -> list[Record]:
    """All scenes as stored."""
    found: list[Record] = []
    for path in sorted((corpus / SHARDS).iterdir()):
        with Shard(path) as shard:
            found += [shard.record(row) for row in range(len(shard))]
    return found


def responses(scene: Scene) -> None:
    """From every place of the loudspeaker that is heard or stored, and from the talker, to the microphone."""
    room, length = scene.room, round(scene.rate * scene.response)
    assert isinstance(room, Room)
    places = [room.loudspeaker, *room.later]
    unheard = scene.far is None and scene.path.kind == "move"
    points = (places[:: len(room.later)] if unheard else places) + [room.talker] * bool(scene.near)
    place = (room.size, points, [room.microphone], room.absorption)
    ENGINES[room.engine](*place, rate=scene.rate, length=length, humidity=room.humidity)


def convolutions(scene: Scene, record: Record) -> None:
    """One for each end that talks."""
    response = record.rir[: round(scene.rate * scene.response)]
    for _ in filter(None, (scene.far, scene.near)):
        convolve(record.audio[0], response)


def compress(stored: list[Record]) -> None:
    """What the scenes hold as compressed chunks."""
    for record in stored:
        for row in (*record.audio, record.rir):
            chunk(row)


def recordings(scene: Scene, sources: Sources) -> None:
    """What the scene needs of the files of speech and noise."""
    length, noise = round(scene.rate * scene.duration), scene.noise
    for talker in (scene.far, scene.near, *(noise.voices if noise else ())):
        if talker is not None:
            speak(sources.speech, talker, length, scene.rate)
    if noise is not None and noise.kind == "recorded":
        render_noise(noise, length, scene.rate, sources.noise, sources.speech)


PARTS: dict[str, tuple[Any, ...]] = {
    "drawing": (draw,),
    "reading and resampling files": (audio.read, resample),
    "synthetic noise": (pink, speech_shaped, white),
    "impulse responses": (ENGINES["images"],),
    "convolutions": (convolve,),
    "loudspeaker": (devices.play,),
    "levels": (active_power,),
    "measuring T20": (measured_rt60,),
    "compression and hash": (pack,),
}


def shares(spec: CorpusSpec, folder: Path) -> None:
    """Where the time of one process goes."""
    profile = cProfile.Profile(time.process_time)
    with tempfile.TemporaryDirectory(dir=folder) as out:
        profile.runcall(simulate, spec, Path(out) / "corpus")
    spent = {key: cumulative for key, (*_, cumulative, _) in pstats.Stats(profile).stats.items()}
    codes = {name: [function.__code__ for function in functions] for name, functions in PARTS.items()}
    rows = {
        name: sum(spent.get((code.co_filename, code.co_firstlineno, code.co_name), 0) for code in codes[name])
        for name in PARTS
    }
    print("Where the time of one process goes")
    total = max(spent.values())
    for name, part in sorted(rows.items(), key=lambda row: -row[1]):
        print(f"  {part / total:4.0%} {name}")
    print(f"  {1 - sum(rows.values()) / total:4.0%} the rest")


def scaling(spec: CorpusSpec, folder: Path, rounds: int) -> None:
    """Scenes per second of two processes over those of one, and the same of loops that share nothing."""
    clock: dict[int, list[float]] = {1: [], 2: []}
    control: dict[int, list[float]] = {1: [], 2: []}
    for number in range(rounds + 1):
        for jobs in (1, 2):
            with tempfile.TemporaryDirectory(dir=folder) as out:
                start = time.perf_counter()
                simulate(spec, Path(out) / "corpus", jobs=jobs)
                clock[jobs].append(time.perf_counter() - start)
            start = time.perf_counter()
            loops = (joblib.delayed(busy)(number) for _ in range(4))
            list(in_parallel(loops, 4, "control", "loops", jobs=jobs))  # in the workers of the simulation
            control[jobs].append(time.perf_counter() - start)
    one, two = (np.array(clock[jobs][1:]) for jobs in (1, 2))
    gain = [float(np.median(np.divide(x[1][1:], x[2][1:]))) for x in (clock, control)]
    speed = [spec.splits.train / float(np.median(x)) for x in (one, two)]
    print(f"Scenes per second: {speed[0]:.1f} with one process, {speed[1]:.1f} with two: {gain[0]:.2f}x")
    print(f"  control, loops that share nothing: {gain[1]:.2f}x")


def busy(number: int) -> int:
    """Half a second of work."""
    return sum(i * i for i in range(number, 5_000_000))


MEMORY = """
import sys, tempfile
from pathlib import Path
import simulate
def peak():  # of the two workers [MB], on Linux
    children = Path("/proc/self/task").glob("*/children")
    status = [Path(f"/proc/{pid}/status").read_text() for file in children for pid in file.read_text().split()]
    return max(int(text.split("VmHWM:")[1].split()[0]) for text in status) / 1024
speech, noise = sys.argv[1:]
for scenes in (50, 400):
    spec = simulate.recipe(speech, noise, scenes, {"duration": 2.0, "talk.near_onset": 1.0})
    with tempfile.TemporaryDirectory() as out:
        simulate.simulate(spec, Path(out) / "corpus", jobs=2)
    print(peak())
"""


def memory(speech: str, noise: str) -> None:
    """Peak memory of a worker, after few scenes and after many."""
    here = Path(__file__).parent
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(here), str(here.parent)])}
    program = [sys.executable, "-c", MEMORY, speech, noise]
    output = subprocess.run(program, env=environment, stdout=subprocess.PIPE, check=True, text=True).stdout
    few, many = map(float, output.split())
    print(f"Peak memory of a worker [MB]: {few:.0f} after 50 scenes, {many:.0f} after 400 more: {many / few - 1:+.1%}")


if __name__ == "__main__":
    main()
