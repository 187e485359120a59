"""An entry: what one version of a system scored on a board, as two files that are never changed again.

`results/NAME.json` tells who, what, where from, and the means; `results/NAME.parquet` holds a row per scene and metric.
A later version is `results/NAME@2.json`.
"""

import json
import math
import re
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import AfterValidator, Field, model_validator

from aecbench.config import canonical_json, sha256
from aecbench.errors import AecbenchError, ConfigError
from aecbench.leaderboard.text import hidden, link, strings
from aecbench.output import whole_file
from aecbench.record import Frozen, parse
from aecbench.results import Interval

__all__ = [
    "RESULTS",
    "SCHEMA",
    "BoardError",
    "Cell",
    "CorpusFacts",
    "Entry",
    "Published",
    "SystemFacts",
    "read_entry",
    "read_rows",
    "to_parquet",
]

RESULTS = "results"
SCHEMA = pa.schema(
    {
        "scene": pa.string(),
        "metric": pa.string(),
        "value": pa.float64(),
        "reason": pa.string(),
        "failed": pa.bool_(),
        "near_loss": pa.float64(),
    }
)
FILE = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._+-]*)(@(?P<version>[1-9]\d*))?\.json")
LARGEST = 1 << 20  # bytes of a JSON file; what is larger is not read
MANY, MOST = 10_000_000, 1_000_000  # bytes and rows of a Parquet file
HASH = r"[0-9a-f]{64}"

Hash = Annotated[str, Field(pattern=f"^{HASH}$")]


class BoardError(AecbenchError):
    """A board or an entry that is missing, damaged, edited, or against the rules."""


def _web(url: str) -> str:
    if url and not link(url):
        raise ValueError(f"expected an address that begins with https:// or http://, got {url!r}")
    return url


class Cell(Frozen):
    """Mean and median over scenes and a 95 % interval, as `aecbench.results.Interval`; null is what is not known.

    The interval, of the one that the board shows, is as it was computed when the entry was published. Tables compute
    theirs from the rows.
    """

    mean: float | None
    low: float | None
    high: float | None
    median: float | None
    n: int
    failed: int
    bounds: int

    @staticmethod
    def of(interval: Interval) -> "Cell":
        """The cell of an interval."""
        facts = {name: getattr(interval, name) for name in Cell.model_fields}
        return Cell(**{name: value if math.isfinite(value) else None for name, value in facts.items()})


class CorpusFacts(Frozen):
    """Which scenes were scored."""

    id: Hash
    digest: Hash
    split: str
    scenes: int = Field(gt=0)


class SystemFacts(Frozen):
    """The facts that decide the output of a system, see `aecbench.systems.System`."""

    hash: Hash
    canceller: str
    parameters: dict[str, Any]
    latency: int | None = None  # algorithmic [samples]; None where it is not known
    align: str

    def rehash(self, version: str) -> str:
        """The hash that these facts should have with a version of aecbench."""
        return sha256(canonical_json([self.canceller, self.parameters, self.align, version]))

    @property
    def weights(self) -> str | None:
        """SHA-256 of the weights of a network."""
        return self.parameters.get("weights")


class Entry(Frozen):
    """The contents of `results/NAME.json`. Texts hold no hidden characters."""

    format: Literal[1] = 1
    board: str
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,63}$")
    version: int = Field(ge=1)
    title: str = Field(max_length=200)
    authors: str = Field(max_length=200)
    url: Annotated[str, Field(max_length=200), AfterValidator(_web)]
    published: str = Field(pattern=r"^\d{4}-\d\d-\d\d$")
    corpus: CorpusFacts
    system: SystemFacts
    card: dict[str, Any] | None  # the card of the system, as `aecbench.systems.Card`
    metrics: dict[str, int]  # their versions
    means: dict[str, Cell]
    near_end_destroyed: tuple[int, int] | None  # in how many scenes, of how many
    versions: dict[str, str]  # of aecbench, Python and libraries
    commit: str | None
    machine: dict[str, str | int]
    command: str
    rows: Hash  # SHA-256 of the Parquet file
    supersedes: Hash | None  # SHA-256 of the JSON file of the version before
    sha256: str = ""  # of all the above, as canonical JSON

    @model_validator(mode="after")
    def _visible(self) -> "Entry":
        for text in strings(self.model_dump()):
            if character := hidden(text):
                raise ValueError(f"{text[:40]!r} holds the hidden character {character}; leave it out")
        return self

    def seal(self) -> str:
        """The hash that `sha256` should have."""
        return sha256(canonical_json(self.model_dump(mode="json", exclude={"sha256"})))

    @property
    def file(self) -> str:
        """The name of its files, without .json."""
        return self.name if self.version == 1 else f"{self.name}@{self.version}"


class Published(NamedTuple):
    """An entry and its rows: the columns of SCHEMA, a row per scene and metric."""

    entry: Entry
    rows: pd.DataFrame

    def save(self, folder: Path) -> None:
        """Write both files; the entry already knows the hash of the rows. Raises OutputError."""
        with whole_file(folder / f"{self.entry.file}.parquet") as part:
            part.write_bytes(to_parquet(self.rows))
        with whole_file(folder / f"{self.entry.file}.json") as part:
            part.write_text(json.dumps(self.entry.model_dump(mode="json"), indent=1) + "\n", encoding="utf-8")


def to_parquet(rows: pd.DataFrame) -> bytes:
    """The bytes of the file of rows."""
    columns = [
        pa.array(rows[field.name].to_numpy(), field.type, from_pandas=False) for field in SCHEMA
    ]  # NaN stays NaN
    table = pa.Table.from_arrays(columns, schema=SCHEMA)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    data: bytes = sink.getvalue().to_pybytes()
    return data


def read_entry(path: Path) -> Entry:
    """The entry in a file of that name. Raises BoardError where it is none, or was edited."""
    named = FILE.fullmatch(path.name)
    if named is None:
        raise BoardError(f"{path}: is not an entry; expected NAME.json or NAME@VERSION.json")
    try:
        if path.stat().st_size > LARGEST:
            raise BoardError(f"{path}: has more than {LARGEST} bytes; expected an entry that aecbench publish wrote")
        entry = parse(Entry, json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number), str(path))
    except (OSError, ValueError, RecursionError) as error:
        raise BoardError(f"{path}: cannot be read ({error}); publish it again") from None
    except ConfigError as error:
        raise BoardError(str(error)) from None
    if entry.file != path.stem:
        raise BoardError(f"{path}: is version {entry.version} of {entry.name}; its file should be {entry.file}.json")
    if entry.sha256 != entry.seal():
        raise BoardError(f"{path}: was edited after it was published; entries stay as they are, publish a new version")
    return entry


def read_rows(path: Path, entry: Entry) -> pd.DataFrame:
    """The rows beside an entry. Raises BoardError where they are missing, other ones, or no rows."""
    try:
        if path.stat().st_size > MANY:
            raise BoardError(f"{path}: has more than {MANY} bytes; expected a row per scene and metric")
        data = path.read_bytes()
    except OSError as error:
        raise BoardError(f"{path}: cannot be read ({error}); publish it again") from None
    if sha256(data) != entry.rows:
        raise BoardError(f"{path}: is not the file that {entry.file}.json was published with; its hash differs")
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        if file.metadata.num_rows > MOST:
            raise BoardError(f"{path}: has {file.metadata.num_rows} rows; expected one per scene and metric")
        table = file.read()
    except (OSError, ValueError, pa.ArrowException) as error:
        raise BoardError(f"{path}: is not a Parquet file ({error}); publish it again") from None
    if table.schema.remove_metadata() != SCHEMA:
        columns = ", ".join(f"{field.name} {field.type}" for field in table.schema)
        raise BoardError(f"{path}: has the columns {columns}; expected scene, metric, value, reason, failed, near_loss")
    if any(column.null_count for column in table.columns):
        raise BoardError(f"{path}: has empty cells; expected NaN and a reason where there is no value")
    rows: pd.DataFrame = table.to_pandas()
    return rows


def _no_number(text: str) -> float:
    raise ValueError(f"holds {text}, which is not JSON")
