"""Cards: the file that describes a system, its parameters and their origin, beside its weights if it has any."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import Field

from aecbench.config import parse, read_toml
from aecbench.errors import ConfigError
from aecbench.output import new_folder, whole_file
from aecbench.record import Frozen

__all__ = ["BEST", "CARD", "LATEST", "TRAINED", "Card", "read_card", "write_card"]

CARD = "card.toml"
BEST, LATEST = "best", "last"  # folders in the folder of a training: the best network so far, and the latest
TRAINED = (BEST, LATEST)


class Card(Frozen):
    """The contents of a card."""

    canceller: str  # row of CANCELLERS, "package.module:Class", or "command": an outside program
    summary: str
    filter: str | None = None  # baseline, or folder beside this one, whose canceller is its parameter `filter`
    parameters: dict[str, Any] = Field(default_factory=dict)
    weights: str | None = None  # of a network: a safetensors file beside the card; or all of it, an .onnx file
    sha256: str | None = None  # of that file
    origin: dict[str, Any] = Field(default_factory=dict)  # where the parameters come from


def read_card(folder: Path) -> Card:
    """Read the card in a folder. Raises ConfigError where it is missing, or a key is unknown or has a wrong value."""
    return parse(Card, read_toml(folder / CARD), str(folder / CARD))


def write_card(folder: Path, card: Mapping[str, Any]) -> Path:
    """Write the card of a folder and give its path; `card` holds fields of `Card`.

    Raises ConfigError for values that TOML does not have, OutputError.
    """
    try:
        text = tomli_w.dumps(card)
    except TypeError as error:
        raise ConfigError(f"a card cannot hold all of these values ({error}); use those that TOML has") from None
    new_folder(folder)
    with whole_file(folder / CARD) as part:
        part.write_text(text, encoding="utf-8")
    return folder / CARD
