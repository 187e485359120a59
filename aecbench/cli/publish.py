"""aecbench publish."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from aecbench.cli import complete
from aecbench.cli.common import BOARDS, JSON, show_json, when_stopped

__all__ = ["publish"]


@click.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--board",
    "board_name",
    metavar="NAME",
    help="Add the results to this board.  [default: the board of the evaluation]",
    shell_complete=complete.boards,
)
@click.option(
    "--system",
    "systems",
    multiple=True,
    metavar="NAME",
    help="Add only this system; repeatable.  [default: all evaluated for the board]",
)
@click.option("--name", default="", help="Publish under this name.  [default: the name of the system]")
@click.option("--title", default="", help="Describe the system in one line.  [default: the summary on its card]")
@click.option("--url", default="", help="Link to this page, https://..., for more.")
@click.option("--authors", default="", help="Name the authors of the system.")
@click.option(
    "--model",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Read the card in this folder.  [default: as evaluated]",
)
@BOARDS
@click.option("--dry-run", is_flag=True, help="Check everything and write nothing.")
@JSON
def publish(
    results: Sequence[Path],
    board_name: str | None,
    systems: Sequence[str],
    name: str,
    title: str,
    url: str,
    authors: str,
    model: Path | None,
    boards: Path | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Add evaluated systems to a leaderboard.

    RESULTS are folders that aecbench eval --out wrote; each system in them becomes one entry. Entries never change:
    publishing a system again adds a new version and keeps the old one.

    \b
    aecbench eval --board synthetic-v2 --model path/to/mine --out runs/mine
    aecbench publish runs/mine --authors 'A. Researcher' --dry-run
    aecbench publish runs/mine --authors 'A. Researcher'
    """
    from aecbench.errors import UsageError
    from aecbench.leaderboard import load_results, open_board, prepare
    from aecbench.leaderboard import publish as write

    tables = [load_results(path) for path in results]
    path, chosen = _board(tables, board_name, boards, dry_run)
    board = open_board(path)
    entries = [
        entry
        for table, default in zip(tables, chosen, strict=True)
        for entry in prepare(
            table, board, systems=systems or default, name=name, title=title, url=url, authors=authors, model=model
        )
    ]
    names = [entry.name for entry, _ in entries]
    for entry, _ in entries:
        if names.count(entry.name) > 1:
            raise UsageError(f"two of the results are of {entry.name!r}; give one of them another --name")
    for entry, _ in entries:
        if (entry.commit or "").endswith("+dirty"):
            message = f"{entry.name}: evaluated with local changes to commit {entry.commit}, which nobody else has"
            click.echo(f"{message}; evaluate it again with a clean checkout", err=True)
    when_stopped(
        "entries that were written are kept: run aecbench leaderboard update, and publish the others by --system"
    )
    new = board if dry_run else write(entries, board)
    places = {} if dry_run else {standing.name: standing.place for standing in new.standings}
    if as_json:
        facts = [
            {"name": entry.name, "version": entry.version, "place": places.get(entry.name)} for entry, _ in entries
        ]
        show_json({"board": board.path, "written": not dry_run, "systems": len(new.systems), "entries": facts})
    elif dry_run:
        click.echo(f"{len(entries)} entries are valid: {', '.join(names)}; nothing was written")
    else:
        for entry, _ in entries:
            place = places[entry.name]
            rank = f"place {place} of {len(new.systems)}" if place else "not ranked"
            click.echo(f"{entry.name}: version {entry.version}, {rank}")
        click.echo(new.path / "README.md")


def _board(
    tables: Sequence[Any], name: str | None, boards: Path | None, dry_run: bool
) -> tuple[Path, Sequence[Sequence[str]]]:
    """Return the folder of the board and, for each table, the systems that were evaluated for it (empty: all)."""
    from aecbench.errors import UsageError
    from aecbench.leaderboard import board_of, find_board, is_shipped

    chosen: list[Sequence[str]] = [()] * len(tables)
    if name is None:
        places, chosen = map(list, zip(*map(board_of, tables), strict=True))
        if len(set(places)) > 1:
            raise UsageError(f"the results are for the boards {', '.join(map(str, places))}; name one with --board")
        name, boards = places[0].name, boards or (None if is_shipped(places[0]) else places[0].parent)
    path = find_board(name, boards)
    if boards is None and is_shipped(path) and not dry_run:
        raise UsageError(
            f"{path}: is part of the installed aecbench, which is read-only; give another folder with --boards: "
            "leaderboards in a checkout, or a copy of it"
        )
    return path, chosen
