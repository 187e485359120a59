"""aecbench publish."""

from collections.abc import Sequence
from pathlib import Path

import click

from aecbench.cli import complete
from aecbench.cli.common import JSON, show_json

__all__ = ["publish"]


@click.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--board",
    "board_name",
    required=True,
    metavar="NAME",
    help="Leaderboard that the systems are added to.",
    shell_complete=complete.boards,
)
@click.option("--name", default="", help="Name on the board.  [default: that of the system]")
@click.option("--title", default="", help="One line that says what it is.  [default: the summary on its card]")
@click.option("--url", default="", help="Where to read more: https://...")
@click.option("--authors", default="", help="Who made it.")
@click.option("--model", type=click.Path(path_type=Path), metavar="DIR", help="Folder with the card of the system.")
@click.option("--boards", type=click.Path(path_type=Path), help="Folder of the leaderboards.  [default: leaderboards]")
@click.option("--dry-run", is_flag=True, help="Check everything, write nothing.")
@JSON
def publish(
    results: Sequence[Path],
    board_name: str,
    name: str,
    title: str,
    url: str,
    authors: str,
    model: Path | None,
    boards: Path | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Add the systems in RESULTS, which aecbench eval --out wrote, to a leaderboard: one entry per system.

    An entry never changes: when a system is published again, it is as a new version, and the old one is kept.

    \b
    aecbench eval --model kalman --corpus corpora/synthetic-v1 --out runs/kalman
    aecbench publish runs/kalman --board synthetic-v1 --dry-run
    aecbench publish runs/mine --board synthetic-v1 --model path/to/folder --authors 'A. Researcher'
    """
    from aecbench.errors import UsageError
    from aecbench.leaderboard import BOARDS, find_board, load_results, open_board, prepare
    from aecbench.leaderboard import publish as write

    board = open_board(find_board(board_name, boards or Path(BOARDS)))  # never those inside an installed package
    found = [
        one
        for path in results
        for one in prepare(load_results(path), board, name=name, title=title, url=url, authors=authors, model=model)
    ]
    called = [entry.name for entry, _ in found]
    for entry, _ in found:
        if called.count(entry.name) > 1:
            raise UsageError(f"two of the results are of {entry.name!r}; give one of them another --name")
    for entry, _ in found:
        if (entry.commit or "").endswith("+dirty"):
            what = f"{entry.name}: evaluated with files that differ from commit {entry.commit}; nobody else has them"
            click.echo(f"{what}. Better evaluate it again with a clean checkout.", err=True)
    new = board if dry_run else write(found, board)
    places = {} if dry_run else {one.name: one.place for one in new.standings}
    if as_json:
        entries = [{"name": one.name, "version": one.version, "place": places.get(one.name)} for one, _ in found]
        show_json({"board": board.path, "written": not dry_run, "systems": len(new.systems), "entries": entries})
    elif dry_run:
        click.echo(f"{len(found)} entries are as they should be: {', '.join(called)}; nothing was written")
    else:
        for entry, _ in found:
            click.echo(f"{entry.name}: version {entry.version}, place {places[entry.name]} of {len(new.systems)}")
        click.echo(new.path / "README.md")
