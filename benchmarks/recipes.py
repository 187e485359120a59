"""What a scene of each recipe costs, beside its floor, beside another checkout, and with two processes.

Run from a checkout: python benchmarks/recipes.py [--against PATH] [--recipe NAME] [--scenes N] [--rounds N]

Checkouts take turns, each in processes of its own in which everything is compiled and loaded before it counts. One
process is measured in processor time. Two are measured by the clock, so that nothing else should run then, and in
processor time of all processes: its ratio bounds the gain of two idle cores. The floor of a scene is what its room
impulse responses, its convolutions and the compression of its samples take alone in this checkout; a second one adds
the sounds themselves: reading and synthesis of speech and noise, loudspeaker and capture stages.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from simulate import compress, convolutions, drawn, records, responses, seconds

from aecbench.recipe import read_recipe
from aecbench.scenes import devices
from aecbench.scenes.capture import capture
from aecbench.scenes.noise import render_noise
from aecbench.scenes.scene import Scene
from aecbench.scenes.sources import Sources, open_sources
from aecbench.scenes.speech import speak
from aecbench.simulation import simulate

RECIPES = ("speech-v1", "speech-v2", "devices-v1", "synthetic-v2", "hard-v2")
HERE = Path(__file__).parents[1]
PROGRAM = """
import sys, tempfile, time
from pathlib import Path
import psutil
from aecbench.simulation import simulate
recipe, scenes, *jobs = sys.argv[1:]
def busy():  # processor time of this process and of its workers
    this = psutil.Process()
    return sum(sum(process.cpu_times()[:2]) for process in (this, *this.children()))
def run(scenes, jobs):
    with tempfile.TemporaryDirectory() as folder:
        clock, processor = time.perf_counter(), busy()
        corpus = simulate(recipe, Path(folder) / "corpus", split="test", scenes=scenes, jobs=jobs)
        return time.perf_counter() - clock, busy() - processor, corpus.digest
for number in map(int, jobs):
    run(12, number)
    clock, processor, digest = run(int(scenes), number)
    print(clock / int(scenes), processor / int(scenes), digest)
"""


def main() -> None:
    """Print a row per recipe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--against", type=Path, metavar="PATH", help="another checkout")
    parser.add_argument("--recipe", action="append", help=f"[{' '.join(RECIPES)}]")
    parser.add_argument("--scenes", type=int, default=40, help="of the test split [40]")
    parser.add_argument("--rounds", type=int, default=3, help="[3]")
    parser.add_argument("--two", action="store_true", help="compare one process with two instead")
    options = parser.parse_args()
    for recipe in options.recipe or RECIPES:
        (scaling if options.two else cost)(recipe, options.against, options.scenes, options.rounds)


def cost(recipe: str, against: Path | None, scenes: int, rounds: int) -> None:
    """Print milliseconds of a scene here and there, and what is above the floors."""
    checkouts = [HERE] if against is None else [against, HERE]
    runs = [[probe(path, recipe, scenes, 1)[0] for path in checkouts] for _ in range(rounds)]
    times = np.array([[processor for _, processor, _ in row] for row in runs])
    middle = 1e3 * np.median(times, axis=0)
    line = f"{recipe}: {middle[-1]:.1f} ms"
    if against is not None:
        same = len({digest for row in runs for _, _, digest in row}) == 1
        gain = np.median(times[:, 0] / times[:, 1])
        line += f", before {middle[0]:.1f} ms: {gain:.2f}x, digests {'equal' if same else 'DIFFER'}"
    for name, floor in zip(("floor", "with sounds"), floors(recipe, scenes), strict=True):
        line += f"; {name} {floor:.1f} ms: {middle[-1] / floor:.2f}"
    print(line, flush=True)


def scaling(recipe: str, against: Path | None, scenes: int, rounds: int) -> None:
    """Print scenes per second with one process and with two."""
    for path in [HERE] if against is None else [against, HERE]:
        runs = [probe(path, recipe, scenes, 1, 2) for _ in range(rounds)]
        one, two = np.array([[(clock, processor) for clock, processor, _ in row] for row in runs]).transpose(1, 2, 0)
        print(f"{recipe}, {path.name}: {1 / np.median(one[0]):.1f} and {1 / np.median(two[0]):.1f} scenes/s", end="")
        print(f": {np.median(one[0] / two[0]):.2f}x; processor time", end="")
        print(f" {1e3 * np.median(one[1]):.1f} and {1e3 * np.median(two[1]):.1f} ms a scene", end="")
        print(f": at most {np.median(2 * one[1] / two[1]):.2f}x", flush=True)


def probe(checkout: Path, recipe: str, scenes: int, *jobs: int) -> list[tuple[float, float, str]]:
    """Return clock and processor seconds of a scene, and the digest, for each number of processes."""
    command = [sys.executable, "-c", PROGRAM, recipe, str(scenes), *map(str, jobs)]
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    output = subprocess.run(command, env=environment, cwd=checkout, stdout=subprocess.PIPE, check=True, text=True)
    rows = [line.split() for line in output.stdout.splitlines()[-len(jobs) :]]
    return [(float(clock), float(processor), digest) for clock, processor, digest in rows]


def floors(recipe: str, scenes: int) -> tuple[float, float]:
    """Return milliseconds of a scene for paths, convolutions and compression, and with the sounds themselves."""
    spec = read_recipe(recipe, split="test", scenes=scenes)
    test, sources = drawn(spec, "test"), open_sources(spec)
    with tempfile.TemporaryDirectory() as folder:
        simulate(spec, Path(folder) / "corpus")  # speech synthesis included: spoken sentences are not kept that long
        stored = records(Path(folder) / "corpus")
    parts = [
        seconds(lambda: [responses(scene) for scene in test]),
        seconds(lambda: [convolutions(scene, record) for scene, record in zip(test, stored, strict=True)]),
        seconds(lambda: compress(stored)),
        seconds(lambda: [sounds(scene, sources) for scene in test]),
    ]
    return 1e3 * sum(parts[:3]) / scenes, 1e3 * sum(parts) / scenes


def sounds(scene: Scene, sources: Sources) -> None:
    """Speech, noises, loudspeaker and the stages behind the microphone."""
    length, rate = round(scene.rate * scene.duration), scene.rate
    far = None
    for talker in (scene.near, scene.far):
        if talker is not None:
            far = speak(sources.speech, talker, length, rate)
    for noise in (scene.noise, scene.far_noise, scene.floor):
        if noise is not None:
            render_noise(noise, length, rate, sources.noise, sources.speech)
    assert far is not None
    if scene.far is not None:
        devices.play(scene.loudspeaker.stages, far, rate)
    if scene.capture:
        capture(np.stack(3 * [far]), [(stage.name, stage.parameters) for stage in scene.capture], rate)


if __name__ == "__main__":
    main()
