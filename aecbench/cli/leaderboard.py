"""aecbench leaderboard."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from aecbench.cli.common import CORPORA, JOBS

if TYPE_CHECKING:
    from aecbench.leaderboard import Board

__all__ = ["leaderboard"]

IN = click.option(
    "--boards", type=click.Path(path_type=Path), help="Folder of the leaderboards.  [default: leaderboards]"
)


@click.group()
def leaderboard() -> None:
    """Make, check and show leaderboards; aecbench publish adds systems to them.

    \b
    aecbench leaderboard verify
    aecbench leaderboard build --out site
    """


@leaderboard.command()
@click.argument("name")
@click.argument("results", type=click.Path(path_type=Path))
@click.option("--title", default="", help="[default: NAME]")
@click.option("--rank-by", "ranked_by", multiple=True, metavar="METRIC", help="May be repeated.  [default: all]")
@click.option("--rebuild", default="", metavar="COMMAND", help="What makes the corpus.")
@IN
def new(name: str, results: Path, title: str, ranked_by: Sequence[str], rebuild: str, boards: Path | None) -> None:
    """Make the leaderboard NAME, for the corpus and the metrics of RESULTS, without systems.

    \b
    aecbench leaderboard new synthetic-v1 runs/synthetic-v1 --rank-by erle_true --rank-by pesq
    """
    from aecbench.leaderboard import BOARDS, load_results, new_board, update, update_all

    place = boards or Path(BOARDS)
    board = new_board(load_results(results), place / name, title=title, rebuild=rebuild, ranked_by=ranked_by)
    update_all(place, update(board.path))
    click.echo(board.path / "board.toml")


@leaderboard.command("update")
@IN
def update_(boards: Path | None) -> None:
    """Write README.md of every leaderboard anew."""
    from aecbench.leaderboard import BOARDS, board_names, update, update_all

    place = boards or Path(BOARDS)
    written = [update(place / name) for name in board_names(place)]
    update_all(place, *written)
    for board in written:
        click.echo(board.path / "README.md")
    click.echo(place / "README.md")


@leaderboard.command()
@click.argument("board", required=False)
@click.option("--rerun", "count", type=click.IntRange(1), metavar="N", help="Run the systems again, on N scenes.")
@click.option("--corpus", type=click.Path(path_type=Path), help="For --rerun.  [default: corpora/BOARD]")
@click.option("--model", "models", multiple=True, metavar="NAME", help="For --rerun: of systems that are not shipped.")
@click.option("--seed", type=int, help="Of the choice of scenes.  [default: another one each time]")
@click.option("--jobs", type=JOBS, default=-1, show_default=True, help="Processes; -1: one per core.")
@IN
def verify(
    board: str | None,
    count: int | None,
    corpus: Path | None,
    models: Sequence[str],
    seed: int | None,
    jobs: int,
    boards: Path | None,
) -> None:
    """Check every file of BOARD, or of all: name what is damaged, edited, copied, missing or out of range.

    Ends with 1 when there is something. Systems that cannot be run here are named, and are no error.

    \b
    aecbench leaderboard verify
    aecbench leaderboard verify synthetic-v1 --rerun 4 --corpus corpora/synthetic-v1
    """
    from aecbench.errors import UsageError
    from aecbench.leaderboard import BoardError, board_names, find_board, open_board
    from aecbench.leaderboard import verify as check

    if count is not None and board is None:
        raise UsageError("--rerun needs the name of one board")
    wrong = 0
    for name in [board] if board else board_names(boards):
        path = find_board(name, boards)
        problems = check(path)
        for file, what in problems:
            click.echo(f"{path / file}: {what}")
        wrong += len(problems)
        if not problems:
            found = open_board(path)
            click.echo(f"{path}: whole, {len(found.systems)} systems, {len(found.scenes)} scenes")
            if count is not None:
                wrong += _rerun(found, corpus or CORPORA / name, count, seed, models, jobs)
    if wrong:
        raise BoardError(f"{wrong} things are not as they should be")


def _rerun(board: "Board", place: Path, count: int, seed: int | None, models: Sequence[str], jobs: int) -> int:
    """Print how the systems did when run again; how many did otherwise than published."""
    import random

    from aecbench.corpus import open_corpus
    from aecbench.leaderboard import rerun

    seed = random.randrange(1 << 32) if seed is None else seed
    click.echo(f"run again on {count} scenes, --seed {seed}")
    wrong = 0
    for one in rerun(board, open_corpus(place), count, seed, models=models, jobs=jobs):
        if one.problem or one.skipped:
            click.echo(f"{one.name}: {one.problem or f'not run: {one.skipped}'}")
        else:
            click.echo(f"{one.name}: as published, within {one.largest:.2g} (allowed: {one.allowed:g})")
        wrong += bool(one.problem)
    return wrong


@leaderboard.command()
@click.argument("board", required=False)
@click.option("--out", type=click.Path(path_type=Path), default=Path("site"), show_default=True)
@click.option(
    "--corpus", type=click.Path(path_type=Path), help="Run the systems on some scenes of BOARD, to see and to hear."
)
@click.option("--model", "models", multiple=True, metavar="NAME", help="To hear systems that are not shipped.")
@click.option("--jobs", type=JOBS, default=-1, show_default=True, help="Processes; -1: one per core.")
@IN
def build(
    board: str | None, out: Path, corpus: Path | None, models: Sequence[str], jobs: int, boards: Path | None
) -> None:
    """Make pages of BOARD, or of all, for a browser: files in a folder, which need no server and no network.

    \b
    aecbench leaderboard build --out site
    aecbench leaderboard build synthetic-v1 --corpus corpora/synthetic-v1 --out site
    """
    from aecbench.corpus import open_corpus
    from aecbench.errors import UsageError
    from aecbench.leaderboard import board_names, find_board, open_board
    from aecbench.leaderboard.site import build as write

    if corpus is not None and board is None:
        raise UsageError("--corpus needs the name of one board")
    found = [open_board(find_board(name, boards)) for name in ([board] if board else board_names(boards))]
    scenes = None if corpus is None else open_corpus(corpus)
    click.echo(write(found, out, corpus=scenes, models=models, jobs=jobs))
