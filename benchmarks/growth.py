"""Cost against size: scenes of a corpus, systems of a board, audio of a file, measured on a ladder and extrapolated.

Run from a checkout: python benchmarks/growth.py [--scenes 100,300,1000] [--rows ...] [--systems ...] [--minutes ...]

Each step runs in a process of its own, which first takes it once at its smallest size, so that compiled code is
loaded. It reports seconds of processor time, which other work on the machine hardly lengthens, the most memory that the
process held, and the files that the step left. The exponent is the slope of the logarithm of time over the logarithm of
size, with its 95 % interval: 1 is linear, below 1 a part of the time does not depend on the size. The last columns
extend straight lines to the size in "at": of time and files through all measurements, each weighted by its inverse, and
of memory through the last two, since a process keeps no more than 64 shards open.
"""

import argparse
import json
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import soundfile
from scipy import stats

from aecbench.cancel import cancel_files
from aecbench.config import sha256
from aecbench.corpus import open_corpus
from aecbench.corpus.verify import verify
from aecbench.evaluation import evaluate
from aecbench.leaderboard import Board, Published, new_board, open_board, prepare, publish, update
from aecbench.leaderboard import verify as verify_board
from aecbench.leaderboard.check import stated
from aecbench.leaderboard.entry import to_parquet
from aecbench.leaderboard.site import build
from aecbench.recipe import read_recipe
from aecbench.simulation import simulate
from aecbench.systems import load_system

RATE = 16_000
SHORT = ["duration=2", "talk.near_onset=1", "shard=5"]  # many short scenes: their number is what grows
METRICS = ["erle", "erle_true", "si_sdr"]
HEADER = ["step", "of", "sizes", "time [s]", "exponent", "memory [MB]", "at", "time [s]", "memory [MB]", "files"]


class Cost(NamedTuple):
    """The cost of a step at one size."""

    seconds: float
    megabytes: float
    files: int


class Ladder(NamedTuple):
    """Steps that are taken at several sizes of the same thing, in this order at every size."""

    sizes: str
    asked: int  # the size that is extrapolated to
    steps: dict[str, Callable[[int, Path], None]]


def main() -> None:
    """Climb the ladders and print their table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for unit, ladder in LADDERS.items():
        parser.add_argument(f"--{unit}", default=ladder.sizes, help=f"sizes, none to leave out [{ladder.sizes}]")
    options = parser.parse_args()
    print(f"| {' | '.join(HEADER)} |\n{'|---' * len(HEADER)}|")
    with tempfile.TemporaryDirectory() as folder:
        for unit, ladder in LADDERS.items():
            sizes = [int(size) for size in getattr(options, unit).split(",") if size]
            costs = [[measured(step, size, Path(folder)) for step in ladder.steps.values()] for size in sizes]
            for name, climbed in zip(ladder.steps, zip(*costs, strict=True), strict=False):
                print(f"| {' | '.join([name, unit, *cells(sizes, climbed, ladder.asked)])} |", flush=True)


def measured(step: Callable[[int, Path], None], size: int, folder: Path) -> Cost:
    """Take a step in a new process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(cost, step, size, folder).result()


def cost(step: Callable[[int, Path], None], size: int, folder: Path) -> Cost:
    """Take a step at its smallest size, then at this one; return the cost of the second."""
    step(0, folder)
    files, start = count(folder), time.process_time()
    step(size, folder)
    seconds, peak = time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Cost(seconds, peak, count(folder) - files)


def count(folder: Path) -> int:
    """Return the number of files in a folder and below."""
    return sum(path.is_file() for path in folder.rglob("*"))


def cells(sizes: Sequence[int], costs: Sequence[Cost], asked: int) -> list[str]:
    """Return the columns from the sizes on."""
    seconds, megabytes, files = (np.array(column, float) for column in zip(*costs, strict=True))
    top = [f"{sizes[0]} to {sizes[-1]}", f"{short(seconds[0])} to {short(seconds[-1])}", exponent(sizes, seconds)]
    ahead = (
        extended(sizes, seconds, asked),
        extended(sizes[-2:], megabytes[-2:], asked),
        extended(sizes, files, asked),
    )
    return [*top, f"{megabytes[-1]:.0f}", f"{asked}", *map(short, ahead)]


def short(value: float) -> str:
    """Return a number with three digits, or all that stand before the point."""
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def exponent(sizes: Sequence[int], seconds: np.ndarray) -> str:
    """Return the slope of log time over log size, with its interval from three sizes on."""
    x, y = np.log(sizes), np.log(np.maximum(seconds, 1e-4))
    if len(sizes) < 2:
        return "-"
    if len(sizes) == 2:
        return f"{np.diff(y)[0] / np.diff(x)[0]:.2f}"
    line = stats.linregress(x, y)
    return f"{line.slope:.2f} ± {stats.t.ppf(0.975, len(sizes) - 2) * line.stderr:.2f}"


def extended(sizes: Sequence[int], values: np.ndarray, asked: int) -> float:
    """Return where the straight line through the values is at the size that is asked for."""
    if asked in sizes:
        return float(values[list(sizes).index(asked)])
    if len(sizes) < 2 or not values.any():
        return float(values[-1])
    slope, start = np.polyfit(sizes, values, 1, w=1 / np.maximum(np.abs(values), 1e-4))
    return float(max(start, 0) + max(slope, 0) * asked)


def corpus_of(size: int, folder: Path) -> Path:
    """Return the folder of the corpus with this number of scenes."""
    return folder / f"scenes-{size}"


def simulated(size: int, folder: Path) -> None:
    """Simulate a corpus with this number of scenes."""
    shutil.rmtree(corpus_of(size, folder), ignore_errors=True)
    simulate(read_recipe("quickstart-v1", SHORT, scenes=max(size, 2)), corpus_of(size, folder))


def resumed(size: int, folder: Path) -> None:
    """Simulate what is missing of it, the last shard, as after a run that was killed; the others are verified."""
    place = corpus_of(size, folder)
    max((place / "shards").glob("*.h5")).unlink()
    (place / "corpus.json").unlink()
    simulate(read_recipe("quickstart-v1", SHORT, scenes=max(size, 2)), place)


def verified(size: int, folder: Path) -> None:
    """Verify it."""
    assert verify(open_corpus(corpus_of(size, folder))) == []


def evaluated(size: int, folder: Path) -> None:
    """Evaluate the system that does nothing on it."""
    cache = folder / f"cache-{size}"
    shutil.rmtree(cache, ignore_errors=True)
    evaluate("passthrough", corpus_of(size, folder), METRICS, cache=cache)


def summed_up(size: int, folder: Path) -> None:
    """Evaluate again, with all scores in the cache, and make the table by a condition."""
    assert evaluate("passthrough", corpus_of(size, folder), METRICS, cache=folder / f"cache-{size}").summary("ser")


def chosen(size: int, folder: Path) -> None:
    """Open a corpus and choose scenes by two conditions: its table has the rows of a small one, over and over."""
    model, place, size = folder / "model", folder / f"rows-{size}", max(size, 2)
    if not model.exists():
        simulate(read_recipe("quickstart-v1", SHORT, scenes=100), model)
    if not place.exists():  # made by the process of step 0, or before the clock of a later one starts
        tiled(model, place, size)
    assert 0 < len(open_corpus(place).where(talk="double", rt60=(0.0, 0.4))) < size or size == 2


def tiled(model: Path, place: Path, size: int) -> None:
    """Write the tables of a corpus with this number of scenes, without their audio."""
    scenes = pd.read_parquet(model / "scenes.parquet")
    rows = scenes.iloc[np.arange(size) % len(scenes)].reset_index(drop=True)
    place.mkdir()
    rows.assign(scene=[f"growth/test/{n:06d}" for n in range(size)]).to_parquet(place / "scenes.parquet", index=False)
    info = json.loads((model / "corpus.json").read_text()) | {"scenes": size}
    (place / "corpus.json").write_text(json.dumps(info))


def board_of(size: int, folder: Path) -> Path:
    """Return the folder of the board with this number of systems."""
    return folder / f"boards-{size}" / "growth"


def published(size: int, folder: Path) -> None:
    """Publish this number of systems on a board of 100 scenes: the scores of one, with a little noise."""
    corpus, place = folder / "model", board_of(size, folder)
    if not corpus.exists():
        simulate(read_recipe("quickstart-v1", SHORT, scenes=100), corpus)
    shutil.rmtree(place.parent, ignore_errors=True)
    table = evaluate("passthrough", corpus, METRICS)
    board = new_board(table, place)
    ((entry, rows),) = prepare(table, board)
    rng = np.random.default_rng(0)
    noisy = [
        rows.assign(value=(rows["value"] + rng.normal(rng.normal(), 1, len(rows))).clip(0.01, 90))
        for _ in range(max(size, 2))
    ]
    publish([renamed(Published(entry, scores), f"system-{n}", board) for n, scores in enumerate(noisy)], board)


def renamed(system: Published, name: str, board: Board) -> Published:
    """Return the entry of another system with these rows."""
    entry = system.entry.model_copy(update={"name": name, "rows": sha256(to_parquet(system.rows))})
    means, destroyed = stated(board, Published(entry, system.rows))
    entry = entry.model_copy(update={"means": means, "near_end_destroyed": destroyed})
    return Published(entry.model_copy(update={"sha256": entry.seal()}), system.rows)


def updated(size: int, folder: Path) -> None:
    """Read the board, rank its systems and write its table."""
    update(board_of(size, folder))


def checked(size: int, folder: Path) -> None:
    """Verify the board."""
    assert verify_board(board_of(size, folder)) == []


def built(size: int, folder: Path) -> None:
    """Write its pages."""
    build([open_board(board_of(size, folder))], folder / f"site-{size}")


def cancelled(size: int, folder: Path) -> None:
    """Cancel the echo in a recording of this many minutes."""
    mic, far = folder / f"mic-{size}.wav", folder / f"far-{size}.wav"
    noise = np.random.default_rng(0).normal(size=60 * RATE).astype(np.float32) * 0.05
    for path, sound in ((far, noise), (mic, 0.3 * np.roll(noise, 40))):
        with soundfile.SoundFile(path, "w", RATE, 1) as file:
            for _ in range(max(size, 1)):
                file.write(sound)
    cancel_files(load_system("kalman"), mic, far, folder / f"out-{size}.wav", quiet=True)


LADDERS = {
    "scenes": Ladder(
        "50,100,200,400,800",
        100_000,
        {
            "simulate": simulated,
            "resume": resumed,
            "verify": verified,
            "eval": evaluated,
            "eval again, and table": summed_up,
        },
    ),
    "rows": Ladder("1000,3000,10000,30000,100000", 100_000, {"Corpus.where": chosen}),
    "systems": Ladder(
        "10,20,40,80",
        300,
        {"publish": published, "board: update": updated, "board: verify": checked, "board: pages": built},
    ),
    "minutes": Ladder("1,2,4,8", 600, {"cancel": cancelled}),
}


if __name__ == "__main__":
    main()
