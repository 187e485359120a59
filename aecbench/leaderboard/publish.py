"""From results to entries: named, validated, sealed, and never changed again."""

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from aecbench.assets import names
from aecbench.cancellers import CANCELLERS, target
from aecbench.cards import CARD, read_card
from aecbench.config import sha256
from aecbench.errors import ConfigError, UnknownName, UsageError
from aecbench.leaderboard.board import Board
from aecbench.leaderboard.check import among, check_entry, stated
from aecbench.leaderboard.entry import RESULTS, SCHEMA, BoardError, Entry, Published, SystemFacts, to_parquet
from aecbench.leaderboard.readme import update, update_all, writing
from aecbench.leaderboard.text import hidden
from aecbench.record import parse
from aecbench.results import CEILING, ROWS, ResultTable
from aecbench.systems import card_folder, difference, load_system

__all__ = ["board_of", "load_results", "prepare", "publish"]


def load_results(path: Path) -> ResultTable:
    """Return the results of aecbench eval in a folder or its rows.parquet. Raises AecbenchError for anything else."""
    file = path / ROWS if path.is_dir() else path
    table = ResultTable.load(file)
    missing = [name for name in (*SCHEMA.names, "system", "talk") if name not in table.rows]
    missing += [name for name in ("corpus", "systems", "metrics", "versions") if name not in table.provenance]
    if missing:
        raise BoardError(f"{file}: lacks {', '.join(missing)}; evaluate again with this aecbench")
    return table


def board_of(table: ResultTable) -> tuple[Path, list[str]]:
    """The folder of the board that results are for, and the systems that were evaluated for it.

    Raises UsageError where `aecbench eval --board` did not make them, or for several boards.
    """
    places = {system: table.origin(system).get("board") for system in table.systems}
    boards = sorted({board for board in places.values() if board is not None})
    if len(boards) != 1:
        reason = (
            f"were evaluated for the boards {', '.join(boards)}" if boards else "do not say for which board they are"
        )
        raise UsageError(f"the results {reason}; name one with --board")
    return Path(boards[0]), [system for system, board in places.items() if board is not None]


def prepare(
    table: ResultTable,
    board: Board,
    *,
    systems: Sequence[str] = (),
    name: str = "",
    title: str = "",
    url: str = "",
    authors: str = "",
    model: Path | None = None,
    published: datetime.date | None = None,
) -> list[Published]:
    """The entries that a table of results would become on a board, one for each of `systems`, by default all.

    Nothing is written. The oracle, which stands in every table, becomes one only where it is chosen or alone. `name`,
    `title`, `url` and `model` are for a single system. Its card is that in the folder that was evaluated, or in `model`
    where that lies elsewhere now. Raises BoardError with what is wrong with the first that is refused, UsageError.
    """
    chosen = list(systems) or [system for system in table.systems if system != CEILING] or table.systems
    for system in chosen:
        if system not in table.systems:
            raise UnknownName("system", system, table.systems, "in the results")
    if len(chosen) != 1 and (name or title or url or model):
        raise UsageError(f"--name, --title, --url and --model are for one system, got {', '.join(chosen)}")
    if model is not None and card_folder(str(model)) is None:
        raise UsageError(f"--model {model}: has no {CARD}; expected the folder of {chosen[0]}")
    entries = []
    for system in chosen:
        facts = _facts(table, system)
        called = name or system
        source = str(model or table.origin(system).get("models", {}).get(system) or "")
        about = {"authors": authors, "url": url, "title": title}
        about |= {"name": called, "published": str(published or datetime.date.today())}
        entries.append(_entry(table, board, system, facts, _card(called, system, facts, source), about))
    return entries


def publish(entries: Sequence[Published], board: Board) -> Board:
    """Add entries to a board, and write the README.md of the board and of all boards again.

    Raises BoardError for an entry whose version another process has published meanwhile, OutputError.
    """
    with writing(board.path.parent):
        for entry, _ in entries:
            if (file := board.path / RESULTS / f"{entry.file}.json").exists():
                raise BoardError(f"{file}: was published by another process meanwhile; publish again")
        for published in entries:
            published.save(board.path / RESULTS)
        updated = update(board.path)
        update_all(board.path.parent, updated)
    return updated


def _facts(table: ResultTable, system: str) -> dict[str, Any]:
    try:
        facts = parse(SystemFacts, table.provenance["systems"].get(system), f"the results of {system!r}")
    except ConfigError as error:
        raise BoardError(f"{error}; evaluate it again") from None
    return facts.model_dump()


def _card(called: str, system: str, facts: dict[str, Any], model: str) -> dict[str, Any] | None:
    """The card of a system, once it is certain that the results are of it; None for one without a card."""
    shipped = {*names("baselines"), *CANCELLERS}
    if called in shipped and system != called:
        raise BoardError(f"{called!r} is a shipped system, and these results are of {system!r}; choose another --name")
    source = called if called in shipped else model
    folder = card_folder(source)
    if folder is None and source not in shipped:
        if source and ":" not in source and target(source) is None and not Path(source).exists():
            raise BoardError(f"{system!r} was evaluated from {source}, which does not exist; give its --model")
        return None
    if part := difference(load_system(source, facts["align"]), facts["canceller"], facts["parameters"]):
        raise BoardError(
            f"the results of {system!r} are not of the {part} that {source} has now; evaluate it again, "
            f"or publish it under another --name"
        )
    if folder is None:
        return None
    return read_card(folder).model_dump(mode="json")


def _entry(
    table: ResultTable,
    board: Board,
    system: str,
    facts: dict[str, Any],
    card: dict[str, Any] | None,
    about: dict[str, str],
) -> Published:
    called = about["name"]
    own = table.rows[table.rows["system"] == system]
    _compare_scenes(own, board.scenes, called)
    rows = own.loc[own["metric"].isin(board.columns), SCHEMA.names].reset_index(drop=True)
    data, before = to_parquet(rows), board.systems.get(called, [])
    for version in before:
        if version.entry.rows == sha256(data):
            raise BoardError(
                f"{called}: these results are on {board.rules.name} already, as {version.entry.file}.json; name the "
                f"others with --system"
            )
    last = None if not before else board.path / RESULTS / f"{before[-1].entry.file}.json"
    origin = table.origin(system)
    content: dict[str, Any] = {
        **about,
        "title": about["title"] or _summary(card) or called,
        "board": board.rules.name,
        "version": len(before) + 1,
        "corpus": origin["corpus"],
        "system": facts,
        "card": card,
        "metrics": {metric: version for metric, version in origin["metrics"].items() if metric in board.rules.metrics},
        "means": {},
        "near_end_destroyed": None,
        **{fact: origin.get(fact) for fact in ("versions", "commit", "machine", "command")},
        "rows": sha256(data),
        "supersedes": None if last is None else sha256(last.read_bytes()),
    }
    try:
        draft = Published(parse(Entry, content, called), rows)
        messages = [*check_entry(draft, board.rules, board.scenes), *among(board, draft)]
        if messages:
            more = f" (and {len(messages) - 1} more)" if len(messages) > 1 else ""
            raise BoardError(f"{called}: {messages[0]}{more}")
        means, destroyed = stated(board, draft)
        whole = draft.entry.model_copy(update={"means": means, "near_end_destroyed": destroyed})
        entry = whole.model_copy(update={"sha256": whole.seal()})
    except ConfigError as error:
        raise BoardError(str(error)) from None
    return Published(entry, rows)


def _summary(card: dict[str, Any] | None) -> str:
    text = "" if card is None else str(card["summary"])
    return text if len(text) <= 200 and not hidden(text) else ""


def _compare_scenes(rows: pd.DataFrame, scenes: pd.DataFrame, called: str) -> None:
    """Raise BoardError where the results tell of other conditions than the board."""
    conditions = rows.drop_duplicates("scene")
    for name in scenes:
        if name not in conditions:
            raise BoardError(f"{called}: the results lack the column {name} of the scenes; evaluate it again")
    pairs = scenes.merge(conditions, on="scene", suffixes=("", " told"))
    for name in scenes.columns.drop("scene"):
        ours, theirs = pairs[name], pairs[f"{name} told"]
        different = pairs[(ours != theirs) & ~(ours.isna() & theirs.isna())]
        if len(different):
            first = different.iloc[0]
            message = f"{name} of {first['scene']} is {first[f'{name} told']}, on the board {first[name]}"
            raise BoardError(f"{called}: {message}: another corpus, or edited")
