"""aecbench leaderboard."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from aecbench.cli import complete
from aecbench.cli.common import ALIGN, BOARDS, CORPORA, JOBS, JSON, show_json, when_stopped

if TYPE_CHECKING:
    from aecbench.leaderboard import Board

__all__ = ["leaderboard"]

HERE = Path("leaderboards")  # boards are written here, unless --boards names another folder


@click.group()
def leaderboard() -> None:
    """Make, check and show leaderboards.

    aecbench publish adds systems to them.

    \b
    aecbench leaderboard verify
    aecbench leaderboard build --out site
    """


@leaderboard.command()
@click.argument("name")
@click.argument("results", type=click.Path(path_type=Path))
@click.option("--title", default="", help="Show this title.  [default: NAME]")
@click.option(
    "--rank-by",
    "ranked_by",
    multiple=True,
    metavar="METRIC",
    help="Rank by this metric; repeatable.  [default: all]",
    shell_complete=complete.metrics,
)
@click.option("--rebuild", default="", metavar="COMMAND", help="State the command that makes the corpus.")
@click.option("--align", metavar="best|auto|none|MS", help=f"{ALIGN}  [default: best]")
@BOARDS
@JSON
def new(
    name: str,
    results: Path,
    title: str,
    ranked_by: Sequence[str],
    rebuild: str,
    align: str | None,
    boards: Path | None,
    as_json: bool,
) -> None:
    """Make the leaderboard NAME, with the corpus and metrics of RESULTS.

    If the folder of the boards contains a plan, NAME.toml, all options are taken from it, and RESULTS must fit it.

    \b
    aecbench leaderboard new mine runs/baselines --rank-by erle_true --rank-by pesq
    aecbench leaderboard new real-blind-v1 runs/real-blind-v1
    """
    from aecbench.errors import UsageError
    from aecbench.leaderboard import (
        check_name,
        check_results,
        load_results,
        new_board,
        read_plan,
        update,
        update_all,
        writing,
    )

    check_name(name)
    folder, table = boards or HERE, load_results(results)
    options = {"title": title, "rebuild": rebuild, "align": align, "ranked_by": ranked_by}
    facts: dict[str, Any] = {name: value for name, value in options.items() if value}
    if plan := read_plan(folder / name):
        if facts:
            raise UsageError(f"{name} is planned, so its plan sets {' and '.join(facts)}; leave out the options")
        check_results(plan, name, table)
        facts = plan.model_dump(include={"title", "rebuild", "align", "ranked_by"})
    with writing(folder):
        board = new_board(table, folder / name, **facts)
        update_all(folder, update(board.path))
    _show_files([board.path / "board.toml"], as_json)


@leaderboard.command("update")
@BOARDS
@JSON
def update_(boards: Path | None, as_json: bool) -> None:
    """Write the README.md of every leaderboard again."""
    from aecbench.errors import UsageError
    from aecbench.leaderboard import chosen_boards, update, update_all, writing

    folder = boards or HERE
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder; name the one of the leaderboards with --boards")
    names = chosen_boards(None, folder)
    with writing(folder):
        written = [update(folder / name) for name in names]
        update_all(folder, *written)
    _show_files([*(board.path / "README.md" for board in written), folder / "README.md"], as_json)


def _show_files(files: Sequence[Path], as_json: bool) -> None:
    if as_json:
        show_json({"files": files})
        return
    for file in files:
        click.echo(file)


@leaderboard.command()
@click.argument("board", required=False, shell_complete=complete.boards)
@click.option("--rerun", "count", type=click.IntRange(1), metavar="N", help="Run the systems again on N scenes.")
@click.option("--corpus", type=click.Path(path_type=Path), help="Rerun on this corpus.  [default: corpora/BOARD]")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="[NAME=]MODEL",
    help="Also rerun this system, which is not shipped; repeatable.",
    shell_complete=complete.models,
)
@click.option("--seed", type=int, help="Choose scenes by this seed.  [default: a new one each time]")
@click.option("--jobs", type=JOBS, default=-1, show_default=True, help="Use this many processes; -1: one per core.")
@BOARDS
@JSON
def verify(
    board: str | None,
    count: int | None,
    corpus: Path | None,
    models: Sequence[str],
    seed: int | None,
    jobs: int,
    boards: Path | None,
    as_json: bool,
) -> None:
    """Check every file of one leaderboard or of all.

    Files that are damaged, edited, copied or missing, and values that are out of range, are listed; the exit code is
    then 1. Systems that cannot be run on this machine are listed too, but are not an error.

    \b
    aecbench leaderboard verify
    aecbench leaderboard verify synthetic-v2 --rerun 4 --model path/to/mine
    """
    from aecbench.errors import UsageError
    from aecbench.leaderboard import BoardError, chosen_boards, find_board, open_board
    from aecbench.leaderboard import verify as check

    if count is not None and board is None:
        raise UsageError("--rerun needs the name of one board")
    faults, facts_of_boards = 0, []
    say = _silent if as_json else click.echo
    for name in chosen_boards(board, boards):
        path = find_board(name, boards)
        problems = check(path)
        facts: dict[str, Any] = {"board": path, "problems": [problem._asdict() for problem in problems]}
        for file, message in problems:
            say(f"{path / file}: {message}")
        faults += len(problems)
        if not problems:
            opened = open_board(path)
            facts |= {"systems": len(opened.systems), "scenes": len(opened.scenes)}
            say(f"{path}: intact, {len(opened.systems)} systems, {len(opened.scenes)} scenes")
            if count is not None:
                facts["rerun"] = _rerun(opened, corpus or CORPORA / name, count, seed, models, jobs, say)
                faults += sum(bool(system["problem"]) for system in facts["rerun"]["systems"])
        facts_of_boards.append(facts)
    if as_json:
        show_json({"boards": facts_of_boards})
    if faults:
        raise BoardError(f"{faults} problem{'s' if faults > 1 else ''} found")


def _silent(_: str) -> None:
    """Print nothing."""


def _rerun(
    board: "Board",
    corpus: Path,
    count: int,
    seed: int | None,
    models: Sequence[str],
    jobs: int,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Print how the results of the systems compare when they are run again; return the same facts for programs."""
    import random

    from aecbench.leaderboard import board_corpus, rerun

    seed = random.randrange(1 << 32) if seed is None else seed
    count = min(count, len(board.scenes))
    say(f"run again on {count} scenes, --seed {seed}")
    systems = []
    for outcome in rerun(board, board_corpus(board.rules, corpus), count, seed, models=models, jobs=jobs):
        if outcome.problem or outcome.skipped:
            say(f"{outcome.name}: {outcome.problem or f'not run: {outcome.skipped}'}")
        else:
            say(f"{outcome.name}: as published, within {outcome.largest:.2g} (allowed: {outcome.allowed:g})")
        systems.append(outcome._asdict())
    return {"count": count, "seed": seed, "systems": systems}


@leaderboard.command()
@click.argument("board", required=False, shell_complete=complete.boards)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("site"),
    show_default=True,
    help="Write pages to this folder.",
)
@click.option(
    "--corpus", type=click.Path(path_type=Path), help="Run the systems on this corpus; show scenes with their audio."
)
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="[NAME=]MODEL",
    help="Also run this system, which is not shipped; repeatable.",
    shell_complete=complete.models,
)
@click.option("--jobs", type=JOBS, default=-1, show_default=True, help="Use this many processes; -1: one per core.")
@BOARDS
@JSON
def build(
    board: str | None,
    out: Path,
    corpus: Path | None,
    models: Sequence[str],
    jobs: int,
    boards: Path | None,
    as_json: bool,
) -> None:
    """Write pages of one leaderboard or of all, for a browser.

    They are files in a folder and need neither a server nor a network.

    \b
    aecbench leaderboard build --out site
    aecbench leaderboard build synthetic-v2 --corpus corpora/synthetic-v2 --out site
    """
    from aecbench.errors import UsageError
    from aecbench.leaderboard import board_corpus, chosen_boards, find_board, open_board
    from aecbench.leaderboard.site import build as write

    if corpus is not None and board is None:
        raise UsageError("--corpus needs the name of one board")
    opened = [open_board(find_board(name, boards)) for name in chosen_boards(board, boards)]
    scenes = None if corpus is None else board_corpus(opened[0].rules, corpus)
    when_stopped(f"the pages in {out} are not finished: the same command makes them again")
    page = write(opened, out, corpus=scenes, models=models, jobs=jobs)
    if as_json:
        show_json({"page": page})
    else:
        click.echo(page)
