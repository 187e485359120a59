"""How often intervals, tests and ranks are wrong, where the truth is known: the tables of docs/intervals.md.

python benchmarks/intervals.py [--quick]: a few minutes on one core. Beside what aecbench does stands what is often
done, and it once did: percentile bootstrap intervals over scenes, taken as independent, and ranks without correction.
The interval of a median does not depend on the shape of the scores, but on how many of them are equal.
"""

import functools
import sys
from collections.abc import Callable

import numpy as np

from aecbench.leaderboard import BOARDS, board_names, open_board
from aecbench.leaderboard.board import board_folders
from aecbench.metrics import METRICS
from aecbench.results import RTF, Summary, heading, interval
from aecbench.results.clusters import Clusters
from aecbench.results.statistics import Ranked, ranks
from aecbench.signals import Array

COUNTS = (1, 2, 6, 10, 24, 60, 150, 300)
TALKERS, NOISES, SHARE = 35, 18, 0.1  # as in speech-v1; the share of the variance that each of three sources has
SHAPES: dict[str, Callable[[np.random.Generator, int], Array]] = {  # of mean 0 and variance 1
    "normal": lambda rng, n: rng.normal(size=n),
    "heavy": lambda rng, n: rng.standard_t(3, n) / 3**0.5,
    "skewed": lambda rng, n: (rng.lognormal(size=n) - np.e**0.5) / (np.e**2 - np.e) ** 0.5,
}
SYSTEMS, COLUMNS = 6, 5  # of a table of equal systems
RESAMPLES = 1000  # of a bootstrap


def sources(rng: np.random.Generator, n: int) -> Array:
    """Far talker, near talker and noise of each scene [N, 3]; half of the scenes have a noise of their own."""
    far = rng.integers(TALKERS, size=n)
    near = (far + rng.integers(1, TALKERS, n)) % TALKERS
    noise = np.where(rng.random(n) < 0.5, rng.integers(NOISES, size=n), NOISES + np.arange(n))
    return np.stack([far, near, noise], 1)


def values(rng: np.random.Generator, shape: str, codes: Array, share: float) -> Array:
    """A value of true mean 0 for each scene, to which each of its sources gives a share of the variance."""
    draw, (n, count) = SHAPES[shape], codes.shape
    common = sum(draw(rng, int(column.max()) + 1)[column] for column in codes.T)
    return np.sqrt(share) * common + np.sqrt(1 - count * share) * draw(rng, n)


@functools.cache
def resamples(n: int) -> Array:
    """The weight of each of n scenes in each resample."""
    rng = np.random.default_rng(0)
    return np.stack([np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(RESAMPLES)]) / n


def bootstrap(x: Array) -> tuple[float, float]:
    """The 95 % percentile interval of the mean."""
    low, high = np.percentile(resamples(x.size) @ x, [2.5, 97.5])
    return float(low), float(high)


def misses(rounds: int) -> None:
    """How often an interval misses the mean: as often as two equal systems are told apart."""
    print("| scenes | shape | independent | bootstrap | clustered | bootstrap |\n|---|---|---|---|---|---|")
    for n in COUNTS:
        for shape in SHAPES:
            cells = []
            for share in (0.0, SHARE):
                rng, wrong = np.random.default_rng(n), np.zeros(2)
                for _ in range(rounds):
                    codes = sources(rng, n)
                    x = values(rng, shape, codes, share)
                    found = interval(x, clusters=Clusters(codes))
                    wrong += [not low <= 0 <= high for low, high in ((found.low, found.high), bootstrap(x))]
                cells += [f"{100 * rate:.1f} %" for rate in wrong / rounds]
            print(f"| {n} | {shape} | {' | '.join(cells)} |")


def medians(rounds: int) -> None:
    """How often an interval misses the median, of scores that differ and of those that are 0 in two of three scenes."""
    print("\n| scenes | all differ | two of three equal | clustered: all differ | two of three equal |")
    print("|---|---|---|---|---|")
    for n in COUNTS:
        cells = []
        for share in (0.0, SHARE):
            rng, wrong = np.random.default_rng(n), np.zeros(2)
            for _ in range(rounds):
                codes = sources(rng, n)
                x = values(rng, "normal", codes, share)
                for kind, scores in enumerate((x, np.maximum(x - 0.43, 0))):
                    found = interval(scores, clusters=Clusters(codes), summary="median")
                    wrong[kind] += not found.low <= 0 <= found.high
            cells += [f"{100 * rate:.1f} %" for rate in wrong / rounds]
        print(f"| {n} | {' | '.join(cells)} |")


def tables(rounds: int) -> None:
    """How often a table of equal systems ranks one of them behind another."""
    print(
        f"\n| scenes | {SYSTEMS} equal systems, {COLUMNS} metrics: a system behind another | bootstrap |\n|---|---|---|"
    )
    for n in COUNTS[3:]:
        rng, wrong = np.random.default_rng(n), np.zeros(2)
        for _ in range(rounds // 10):
            codes = sources(rng, n)
            clusters = Clusters(codes)
            columns = [
                Ranked(np.stack([values(rng, "normal", codes, SHARE) for _ in range(SYSTEMS)], 1), clusters)
                for _ in range(COLUMNS)
            ]
            found = ranks(columns, [False] * SYSTEMS)
            ends = [bootstrap(x[:, i] - x[:, j]) for x, *_ in columns for i in range(SYSTEMS) for j in range(i)]
            split = any(rank is not None and rank > 1 for column in found for rank in column)
            wrong += [split, any(not low <= 0 <= high for low, high in ends)]
        print(f"| {n} | {' | '.join(f'{1000 * rate / rounds:.0f} %' for rate in wrong)} |")


def published(rounds: int, n: int = 24) -> None:
    """How often the interval of some scenes of a board, of their mean or median, holds that of all of them.

    The columns of the bootstrap are of the mean, whatever tables show.
    """
    print(f"\n| metric | shown | {n} scenes: coverage, mean over systems | worst system | bootstrap | worst |")
    print("|---|---|---|---|---|---|")
    found: dict[tuple[str, Summary], list[Array]] = {}
    for name in board_names():
        board = open_board(board_folders() / name)
        ((_, rows),) = board.table.parts()
        for (metric, _), part in rows[rows["value"].notna()].groupby(["metric", "system"], sort=False):
            x = part["value"].to_numpy(float)
            if metric != RTF and np.ptp(x) > 0:
                summary = METRICS[str(metric)].summary
                for one in dict.fromkeys((summary, "mean")):
                    found.setdefault((heading(str(metric), board.facts), one), []).append(x)
    for (metric, summary), systems in found.items():
        rng, rates = np.random.default_rng(0), []
        for population in systems:
            held = np.zeros(2)
            truth = np.median(population) if summary == "median" else population.mean()
            for _ in range(rounds // 4):
                x = rng.choice(population, n)
                known = interval(x, summary=summary)
                low, high = bootstrap(x)
                held += [known.low <= truth <= known.high, low <= population.mean() <= high]
            rates.append(4 * held / rounds)
        ours, theirs = np.transpose(rates)
        shares = [np.mean(ours), min(ours), np.mean(theirs), min(theirs)]
        print(f"| {metric} | {summary} | {' | '.join(f'{share:.3f}' for share in shares)} |")


def main() -> None:
    """Print the four tables."""
    rounds = 100 if "--quick" in sys.argv else 1000
    misses(rounds)
    medians(rounds)
    tables(rounds)
    if board_names():
        published(rounds)
    else:
        print(f"no {BOARDS} here")


if __name__ == "__main__":
    main()
