"""A board: its rules, its scenes and its entries, read from a folder; and who is first.

leaderboards/NAME/
board.toml          corpus, metrics, ranking, rules
scenes.parquet      a row per scene with the conditions that were drawn
results/            two files per entry
README.md           written again from all of these
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import tomli_w
from pydantic import Field

from aecbench.assets import folder
from aecbench.cancellers.align import alignment
from aecbench.config import read_toml, sha256
from aecbench.corpus.format import SIMULATOR
from aecbench.errors import ConfigError, UnknownName, UsageError
from aecbench.leaderboard.entry import RESULTS, BoardError, CorpusFacts, Hash, Published, read_entry, read_rows
from aecbench.metrics import METRICS, RANKED_BY, of_version
from aecbench.output import new_folder, whole_file
from aecbench.record import Frozen, parse
from aecbench.results import (
    CEILING,
    LOST_RULE,
    ROW_COLUMNS,
    RTF,
    SOURCES,
    Column,
    Interval,
    LostRule,
    ResultTable,
    Standing,
    Summary,
    column,
    heading,
    standings,
)
from aecbench.scenes.conditions import CONDITIONS

__all__ = [
    "BOARD",
    "BOARDS",
    "SCENES",
    "Board",
    "Rules",
    "Standing",
    "board_folders",
    "board_names",
    "check_name",
    "chosen_boards",
    "find_board",
    "is_shipped",
    "new_board",
    "open_board",
    "read_rules",
    "read_scenes",
]

BOARD, SCENES, BOARDS = "board.toml", "scenes.parquet", "leaderboards"
BEST = "best"  # the alignment that suits the system, see `aecbench.systems.load_system`
DRAWN = (*CONDITIONS, "nonlinear", "duration", *SOURCES)  # what is kept of a scene
RULES = """\
Systems get the microphone and the far-end signal and nothing else. No test scene, talker, room or noise was used to
train a system or to choose its parameters. Either anyone can run the system, or its entry says where its outputs come
from.
"""
NAME = r"^[a-z0-9][a-z0-9_.-]{0,63}$"  # of a board
TITLE = r"^[\w .,%+()/-]{0,40}$"  # of a metric: nothing that Markdown or HTML would read as more than text


class RankedMetric(Frozen):
    """How a column of the board is read."""

    better: Literal["higher", "lower"]
    version: int
    summary: Summary = "mean"  # what the tables show of the values of all scenes
    title: str = Field("", pattern=TITLE)  # the rest is of metrics that are not shipped
    unit: str = Field("", pattern=TITLE)
    near_end: bool = False


class NearLost(Frozen):
    """When a system is marked, see `aecbench.results.LostRule`; the defaults are those of boards that do not say."""

    loss: float = 20.0
    share: float = 0.5


class Rules(Frozen):
    """The contents of board.toml."""

    name: str = Field(pattern=NAME)
    title: str = Field(max_length=200)
    rebuild: str = ""  # the command that makes the corpus
    successor: str = Field("", pattern=rf"^$|{NAME}")  # the board that replaces this one, which stays as an archive
    rules: str = RULES
    align: str = "auto"  # alignment of the far end, as for `load_system`; older boards say "auto" for "best"
    ranked_by: tuple[str, ...] = Field(min_length=1)  # a system's place follows from its mean rank in these
    corpus: CorpusFacts
    rate: int = Field(16_000, gt=0)  # [Hz] of the corpus; the default is for boards that do not say
    simulator: int = 1  # version of the simulator that made the corpus; 0: it was imported
    near_lost: NearLost = NearLost()
    scenes: Hash  # SHA-256 of scenes.parquet
    metrics: dict[str, RankedMetric]

    @property
    def alignment(self) -> str:
        """The alignment that `load_system` is given for an entry."""
        return BEST if self.align == "auto" else self.align

    @property
    def alignments(self) -> tuple[str, ...]:
        """The alignments that a system of an entry may have: the board's, or none if it needs none."""
        return ("auto" if self.align == BEST else self.align), "none"

    @property
    def older_corpus(self) -> bool:
        """Whether the simulator of today makes another corpus of the same recipe."""
        return 0 < self.simulator < SIMULATOR


@dataclass(frozen=True)
class Board:
    """Rules, scenes, and of every system all versions, the oldest first."""

    path: Path
    rules: Rules
    scenes: pd.DataFrame
    systems: dict[str, list[Published]]

    @property
    def current(self) -> dict[str, Published]:
        """The last version of every system."""
        return {name: versions[-1] for name, versions in self.systems.items()}

    @cached_property
    def table(self) -> ResultTable:
        """The current entries as one table of results."""
        return self.table_of([published for _, published in sorted(self.current.items())])

    def table_of(self, chosen: Sequence[Published]) -> ResultTable:
        """Some entries as a table of results."""
        frames = [rows.assign(system=entry.name) for entry, rows in chosen]
        facts = {entry.name: entry.system.model_dump() for entry, _ in chosen}
        rule = LostRule(self.rules.near_lost.loss, self.rules.near_lost.share)
        if not frames:
            columns = [*ROW_COLUMNS, *self.scenes.columns.drop("scene")]
            return ResultTable(pd.DataFrame(columns=columns), {**self.facts, "systems": {}}, rule)
        rows = pd.concat(frames, ignore_index=True).merge(self.scenes, on="scene", how="left", validate="many_to_one")
        texts = [str(name) for name, kind in rows.dtypes.items() if kind == "str"]
        plain = rows.astype(dict.fromkeys(texts, object))  # of these, pandas chooses rows twice as fast
        return ResultTable(plain, {**self.facts, "systems": facts}, rule)

    def summary(self, condition: str | None = None) -> dict[tuple[str, str], dict[str, Interval]]:
        """(bin of the condition, system) -> metric -> interval, as `ResultTable.summary`."""
        if condition not in self._summaries:
            self._summaries[condition] = self.table.summary(condition)
        return self._summaries[condition]

    @cached_property
    def _summaries(self) -> dict[str | None, dict[tuple[str, str], dict[str, Interval]]]:
        return {}

    @cached_property
    def counted(self) -> dict[str, pd.DataFrame]:
        """System -> its rows that count in a mean over all kinds of talk."""
        ((_, rows),) = self.table.parts()
        return {str(system): own for system, own in rows.groupby("system", sort=False)}

    @cached_property
    def ranks(self) -> dict[str, dict[str, int | None]]:
        """System -> metric -> rank over all scenes."""
        return {system: cells for (_, system), cells in self.table.ranks().items()}

    @cached_property
    def standings(self) -> list[Standing]:
        """The systems, the best first, as `aecbench.results.standings`."""
        return standings(self.table, self.rules.ranked_by)

    @property
    def ranked(self) -> bool:
        """Whether systems have places; not where there are too few scenes, talkers or devices to tell them apart."""
        competing = [standing for standing in self.standings if standing.name != CEILING]
        return not competing or any(standing.place is not None for standing in competing)

    @property
    def rebuild(self) -> str:
        """The command that makes its corpus, at the commit of its entries where the simulator has changed since."""
        commits = [entry.commit for entry, _ in self.current.values() if entry.commit and "+" not in entry.commit]
        if not (self.rules.rebuild and self.rules.older_corpus and commits):
            return self.rules.rebuild
        return f"git checkout {max(commits, key=commits.count)[:12]} && {self.rules.rebuild}"

    @property
    def older(self) -> list[str]:
        """In what its rules are older than those of today, in a few words each."""
        differences = []
        for metric, facts in self.rules.metrics.items():
            now = METRICS.get(metric)
            if now is not None and facts.version != now.version:
                title = heading(metric, self.facts)
                differences.append(f"{metric} is version {facts.version} ({title}), not {now.version}")
        means = [
            name
            for name, facts in self.rules.metrics.items()
            if facts.summary == "mean" and name in METRICS and METRICS[name].summary == "median"
        ]
        if means:
            differences.append(f"{' and '.join(means)} are summarised by means, not medians")
        if self.rules.older_corpus:
            differences.append(
                f"its corpus is of version {self.rules.simulator} of the simulator, whose bytes depended on the "
                f"processor, not {SIMULATOR}"
            )
        rule = self.rules.near_lost
        if (rule.loss, rule.share) != LOST_RULE:
            differences.append(f"a system is marked from {rule.loss:g} dB in {rule.share:.0%} of the scenes on")
        if not set(SOURCES) & set(self.scenes):
            differences.append("its scenes do not say who talks, so intervals and ranks take them as independent")
        return differences

    @cached_property
    def facts(self) -> dict[str, Any]:
        """The provenance of the board's results: its corpus, and the columns that differ from METRICS.

        Those are metrics that are not shipped, versions of a metric that have another name by now, and means of what is
        summarised by its median by now.
        """
        columns = {}
        for name, facts in self.rules.metrics.items():
            row = of_version(name, facts.version)
            if facts.title:
                columns[name] = facts.model_dump(include=set(Column._fields))
            elif row is not None and (row is not METRICS.get(name) or facts.summary != row.summary):
                columns[name] = Column.of(row)._asdict() | {"summary": facts.summary}
        return {"corpus": self.rules.corpus.model_dump(), "columns": columns}

    @property
    def columns(self) -> list[str]:
        """The metrics in the order they are shown, the real-time factor last."""
        return [*self.rules.metrics, RTF]

    def latency(self, name: str) -> float | None:
        """Return the algorithmic latency of a system [ms]; None where it is not known."""
        samples = self.current[name].entry.system.latency
        return None if samples is None else 1000 * samples / self.rules.rate

    @cached_property
    def conditions(self) -> list[str]:
        """The conditions in which the scenes differ."""
        names = ("talk", "ser", "ser_double", "rt60", "loudspeaker", "noise", "path", "delay")
        return [name for name in names if name in self.scenes and self.scenes[name].nunique() > 1]


def board_folders(boards: Path | None = None) -> Path:
    """Where boards lie: in `place`, in ./leaderboards, or where the shipped ones are."""
    if boards is not None:
        return boards
    return Path(BOARDS) if Path(BOARDS).is_dir() else folder(BOARDS)


def find_board(name: str, boards: Path | None = None) -> Path:
    """The folder of a board. Raises UnknownName."""
    names = board_names(boards)
    if name not in names:
        raise UnknownName("board", name, names, f"in {board_folders(boards)}")
    return board_folders(boards) / name


def is_shipped(path: Path) -> bool:
    """Whether the folder of a board was found where the shipped ones are, since there is no ./leaderboards."""
    return path.parent == folder(BOARDS)


def board_names(boards: Path | None = None) -> list[str]:
    """All boards, sorted."""
    return sorted(path.parent.name for path in board_folders(boards).glob(f"*/{BOARD}"))


def chosen_boards(name: str | None, boards: Path | None = None) -> list[str]:
    """The board of this name, or all. Raises UnknownName, and UsageError where there is none."""
    if name is not None:
        return [find_board(name, boards).name]
    if not (names := board_names(boards)):
        raise UsageError(
            f"{board_folders(boards)}: contains no leaderboards, NAME/{BOARD}; name their folder with --boards"
        )
    return names


def check_name(name: str) -> None:
    """Raise UsageError unless a board, and its folder, may have this name."""
    if not re.fullmatch(NAME, name):
        raise UsageError(
            f"board {name!r}: expected a name of at most 64 lower-case letters, digits, and . _ - after the first"
        )


def open_board(path: Path) -> Board:
    """The board in a folder. Raises BoardError for the first file that is damaged, edited or missing."""
    rules = read_rules(path)
    scenes = read_scenes(path, rules)
    systems: dict[str, list[Published]] = {}
    for file in sorted((path / RESULTS).glob("*.json")):
        entry = read_entry(file)
        for metric in sorted(rules.metrics.keys() - entry.metrics.keys()):
            raise BoardError(f"{file}: lacks the metric {metric}, which {BOARD} lists; restore {BOARD}")
        systems.setdefault(entry.name, []).append(Published(entry, read_rows(file.with_suffix(".parquet"), entry)))
    for versions in systems.values():
        versions.sort(key=lambda published: published.entry.version)
    return Board(path, rules, scenes, systems)


def read_rules(path: Path) -> Rules:
    """The rules of the board in a folder. Raises BoardError."""
    try:
        rules = parse(Rules, read_toml(path / BOARD), str(path / BOARD))
    except ConfigError as error:
        raise BoardError(str(error)) from None
    if rules.name != path.resolve().name:
        raise BoardError(f"{path / BOARD}: belongs to board {rules.name!r}; give its folder that name")
    for metric in rules.ranked_by:
        if metric not in rules.metrics:
            raise BoardError(f"{path / BOARD}: ranked_by {metric!r} is none of its metrics: {', '.join(rules.metrics)}")
    return rules


def read_scenes(path: Path, rules: Rules) -> pd.DataFrame:
    """A row per scene. Raises BoardError where it is not the table of the rules."""
    file = path / SCENES
    try:
        data = file.read_bytes()
        scenes: pd.DataFrame = pq.read_table(pa.BufferReader(data)).to_pandas()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise BoardError(f"{file}: cannot be read ({error}); restore it") from None
    if sha256(data) != rules.scenes:
        raise BoardError(f"{file}: is not the table that {BOARD} names; its hash differs")
    if scenes["scene"].duplicated().any() or len(scenes) != rules.corpus.scenes:
        raise BoardError(f"{file}: expected each of {rules.corpus.scenes} scenes once")
    return scenes


def new_board(
    table: ResultTable,
    path: Path,
    *,
    title: str = "",
    rebuild: str = "",
    align: str = BEST,
    ranked_by: Sequence[str] = (),
) -> Board:
    """Make the folder of a board, for the corpus and the metrics of a table of results, without entries.

    It is called as the folder, and is ranked by those of RANKED_BY that it has, or by all, where nothing else is said.
    Raises BoardError where there is one already, UnknownName for a metric, UsageError for an alignment, OutputError.
    """
    if align != BEST:
        alignment(align)
    if (path / BOARD).exists():
        raise BoardError(f"{path}: is a board already, and a board does not change; choose another name")
    metrics = [metric for metric in table.metrics if metric in table.provenance["metrics"]]
    for metric in ranked_by:
        if metric not in metrics:
            raise UnknownName("metric", metric, metrics)
    scenes = table.rows.drop_duplicates("scene").sort_values("scene")
    conditions = scenes[["scene", *(name for name in DRAWN if name in scenes and scenes[name].notna().any())]]
    file = pa.BufferOutputStream()
    pq.write_table(
        pa.Table.from_pandas(conditions, preserve_index=False).replace_schema_metadata(), file, compression="zstd"
    )
    data = file.getvalue().to_pybytes()
    facts = {
        "name": path.resolve().name,
        "title": title or path.resolve().name,
        "rebuild": rebuild,
        "rules": RULES,
        "align": align,
        "ranked_by": list(ranked_by) or [metric for metric in RANKED_BY if metric in metrics] or metrics,
        "near_lost": LOST_RULE._asdict(),
        "scenes": sha256(data),
        "corpus": table.provenance["corpus"],
        "rate": table.provenance.get("rate", 16_000),
        "simulator": table.provenance.get("simulator", 1),
        "metrics": {metric: _ranked(metric, table) for metric in metrics},
    }
    try:
        rules = parse(Rules, facts, "board")
    except ConfigError as error:
        raise BoardError(str(error)) from None
    if len(conditions) != rules.corpus.scenes:
        raise BoardError(
            f"the results are of {len(conditions)} scenes, their corpus has {rules.corpus.scenes}; evaluate them again"
        )
    new_folder(path / RESULTS)
    with whole_file(path / SCENES) as part:
        part.write_bytes(data)
    with whole_file(path / BOARD) as part:
        part.write_text(tomli_w.dumps(facts, multiline_strings=True), encoding="utf-8")
    return open_board(path)


def _ranked(metric: str, table: ResultTable) -> dict[str, Any]:
    """Return the entry of a metric in board.toml: all facts for a metric that is not shipped."""
    facts = column(metric, table.provenance)
    rules = {"better": facts.better, "version": table.provenance["metrics"][metric], "summary": facts.summary}
    return rules if metric in METRICS else rules | facts._asdict()
