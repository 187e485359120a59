"""Cost against size: scenes of a corpus, systems of a board, audio of a file, measured on a ladder and extrapolated.

Run from a checkout: python benchmarks/growth.py [--scenes 100,400,1600] [--systems 10,40] [--minutes 1,4]

Every step runs in a process of its own: seconds of processor time, not of the clock, which does not count what others
do to the machine; the most memory that it held; and the files it left. The exponent is that of a power law through the
last two rungs: 1 is linear. The last column extends the straight line through them to the size that is asked for.
"""

import argparse
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from math import log
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from aecbench.config import sha256
from aecbench.corpus import open_corpus
from aecbench.corpus.verify import verify
from aecbench.evaluation import evaluate
from aecbench.leaderboard import Published, new_board, open_board, prepare, publish, update
from aecbench.leaderboard import verify as verify_board
from aecbench.leaderboard.entry import to_parquet
from aecbench.recipe import read_recipe
from aecbench.simulation import simulate
from aecbench.systems import load_system

RATE = 16_000
SHORT = ["duration=2", "talk.near_onset=1"]  # scenes as short as they can be: what grows is their number
ASKED = {"scenes": 100_000, "systems": 300, "minutes": 600}
FEW = ["erle", "erle_true", "si_sdr"]
LINEAR = 1.15  # exponents above this are more than noise


class Cost(NamedTuple):
    """What a step took."""

    seconds: float
    megabytes: float
    files: int


def main() -> None:
    """Climb the three ladders and print their table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenes", default="50,200,800")
    parser.add_argument("--systems", default="10,40")
    parser.add_argument("--minutes", default="1,4")
    options = parser.parse_args()
    print(
        "| step | of | size | processor time [s] | memory [MB] | files | exponent | at | time [s] |\n"
        + "|---" * 9
        + "|"
    )
    with tempfile.TemporaryDirectory() as folder:
        for what, steps in (("scenes", SCENES), ("systems", SYSTEMS), ("minutes", MINUTES)):
            rungs = [int(size) for size in getattr(options, what).split(",")]
            costs = {size: {name: measured(step, size, Path(folder)) for name, step in steps.items()} for size in rungs}
            for name in steps:
                show(name, what, rungs, [costs[size][name] for size in rungs])


def measured(step: Callable[[int, Path], None], size: int, folder: Path) -> Cost:
    """Run a step in a new process."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(cost, step, size, folder).result()


def cost(step: Callable[[int, Path], None], size: int, folder: Path) -> Cost:
    """Run a step, without the first time that compiled code is loaded."""
    step(0, folder)
    files, start = count(folder), time.process_time()
    step(size, folder)
    seconds, peak = time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Cost(seconds, peak, count(folder) - files)


def count(folder: Path) -> int:
    """The files in a folder and below."""
    return sum(path.is_file() for path in folder.rglob("*"))


def show(name: str, what: str, rungs: Sequence[int], costs: Sequence[Cost]) -> None:
    """Print a row per rung, and in the last one what it comes to."""
    for size, found in zip(rungs, costs, strict=True):
        cells = [name, what, f"{size}", f"{found.seconds:.2f}", f"{found.megabytes:.0f}", f"{found.files}", "", "", ""]
        if size == rungs[-1] and len(rungs) > 1:
            (small, one), (large, other) = list(zip(rungs, costs, strict=True))[-2:]
            exponent = log(max(other.seconds, 1e-3) / max(one.seconds, 1e-3)) / log(large / small)
            slope = max(other.seconds - one.seconds, 0) / (large - small)
            asked = ASKED[what]
            more = " more than linear" if exponent > LINEAR else ""
            cells[6:] = [f"{exponent:.2f}{more}", f"{asked}", f"{other.seconds + slope * (asked - large):.0f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


def simulated(size: int, folder: Path) -> None:
    """Simulate a corpus of so many scenes."""
    place = folder / f"scenes-{size}"
    shutil.rmtree(place, ignore_errors=True)
    simulate(read_recipe("quickstart-v1", SHORT, scenes=max(size, 2)), place)


def resumed(size: int, folder: Path) -> None:
    """Simulate what is missing of it, the last shard, as after a run that was killed; the others are verified."""
    place = folder / f"scenes-{size}"
    max((place / "shards").glob("*.h5")).unlink()
    (place / "corpus.json").unlink()
    simulate(read_recipe("quickstart-v1", SHORT, scenes=max(size, 2)), place)


def verified(size: int, folder: Path) -> None:
    """Verify it."""
    assert verify(open_corpus(folder / f"scenes-{size}")) == []


def chosen(size: int, folder: Path) -> None:
    """Open it and choose scenes by a condition."""
    assert len(open_corpus(folder / f"scenes-{size}").where(talk="double", rt60=(0.0, 0.4))) < max(size, 2)


def evaluated(size: int, folder: Path) -> None:
    """Evaluate the system that does nothing on it."""
    evaluate("passthrough", folder / f"scenes-{size}", FEW, cache=folder / f"cache-{size}")


def summed_up(size: int, folder: Path) -> None:
    """Evaluate again, with all scores in the cache, and print the table by a condition."""
    table = evaluate("passthrough", folder / f"scenes-{size}", FEW, cache=folder / f"cache-{size}")
    assert table.summary("ser")


def board(size: int, folder: Path) -> Path:
    """Return the folder of a board with so many systems on 100 scenes."""
    return folder / f"boards-{size}" / "growth"


def published(size: int, folder: Path) -> None:
    """Publish so many systems: the rows of one, with a little noise."""
    corpus, place = folder / "board-scenes", board(size, folder)
    if not corpus.exists():
        simulate(read_recipe("quickstart-v1", SHORT, scenes=100), corpus)
    shutil.rmtree(place.parent, ignore_errors=True)
    table = evaluate("passthrough", corpus, FEW)
    empty = new_board(table, place)
    ((entry, rows),) = prepare(table, empty)
    rng = np.random.default_rng(0)
    entries = []
    for n in range(max(size, 2)):
        noisy = rows.assign(value=np.clip(rows["value"] + rng.normal(size=len(rows)), 0.01, 90))
        noisy.loc[rows["value"].isna(), "value"] = np.nan
        draft = entry.model_copy(update={"name": f"system-{n}", "rows": sha256(to_parquet(noisy))})
        entries.append(Published(draft, noisy))
    publish([_sealed(one, empty) for one in entries], empty)


def _sealed(found: Published, empty: object) -> Published:
    from aecbench.leaderboard.check import stated

    means, destroyed = stated(empty, found)  # type: ignore[arg-type]
    entry = found.entry.model_copy(update={"means": means, "near_end_destroyed": destroyed})
    return found._replace(entry=entry.model_copy(update={"sha256": entry.seal()}))


def updated(size: int, folder: Path) -> None:
    """Read the board, rank its systems and write its table."""
    update(board(size, folder))


def checked(size: int, folder: Path) -> None:
    """Verify the board."""
    assert verify_board(board(size, folder)) == []


def built(size: int, folder: Path) -> None:
    """Write its pages."""
    from aecbench.leaderboard.site import build

    build([open_board(board(size, folder))], folder / f"site-{size}")


def cancelled(size: int, folder: Path) -> None:
    """Cancel the echo in a recording of so many minutes."""
    from aecbench.cancel import cancel_files

    mic, far = folder / f"mic-{size}.wav", folder / f"far-{size}.wav"
    noise = np.random.default_rng(0).normal(size=60 * RATE).astype(np.float32) * 0.05
    for path, sound in ((far, noise), (mic, 0.3 * np.roll(noise, 40))):
        with soundfile.SoundFile(path, "w", RATE, 1) as file:
            for _ in range(max(size, 1)):
                file.write(sound)
    cancel_files(load_system("kalman"), mic, far, folder / f"out-{size}.wav", quiet=True)


SCENES = {
    "simulate": simulated,
    "resume": resumed,
    "verify": verified,
    "Corpus.where": chosen,
    "eval": evaluated,
    "eval again and table": summed_up,
}
SYSTEMS = {"publish": published, "board: update": updated, "board: verify": checked, "board: pages": built}
MINUTES = {"cancel": cancelled}


if __name__ == "__main__":
    main()
