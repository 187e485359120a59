"""Cards: the file that describes a system, its parameters and their origin, next to its weights if it has any."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import Field

from aecbench.assets import CARD
from aecbench.config import read_toml
from aecbench.errors import ConfigError, UsageError
from aecbench.output import new_folder, whole_file
from aecbench.record import Frozen, parse

__all__ = ["BEST", "CARD", "LATEST", "TRAINED", "Card", "check_model_folder", "read_card", "write_card"]

BEST, LATEST = "best", "last"  # subfolders of a training: the best network so far, and the latest
TRAINED = (BEST, LATEST)


class Card(Frozen):
    """The contents of a card."""

    canceller: str  # row of CANCELLERS, "package.module:Class", or "command": an external program
    summary: str
    filter: str | None = None  # baseline, or folder beside this one, whose canceller is its parameter `filter`
    parameters: dict[str, Any] = Field(default_factory=dict)
    weights: str | None = None  # file next to the card: safetensors weights of a network, or a complete .onnx model
    sha256: str | None = None  # SHA-256 of that file
    origin: dict[str, Any] = Field(default_factory=dict)  # where the parameters come from


def read_card(folder: Path) -> Card:
    """Read the card in a folder. Raises ConfigError if it is missing, or a key is unknown or has an invalid value."""
    return parse(Card, read_toml(folder / CARD), str(folder / CARD))


def check_model_folder(out: Path, ours: Callable[[Card], bool] = lambda card: False) -> None:
    """Raise UsageError if a folder contains a model or a training, which would be lost if another were written to it.

    A model whose card is one of `ours` may be replaced. Raises ConfigError for a card that cannot be read.
    """
    for place in ("", *TRAINED):
        if (out / place / CARD).exists() and not (place == "" and ours(read_card(out))):
            raise UsageError(f"{out}: contains another model, which would be lost; choose another folder")


def write_card(folder: Path, card: Mapping[str, Any]) -> Path:
    """Write the card of a folder and return its path; `card` contains fields of `Card`.

    Raises ConfigError for values that TOML cannot represent, OutputError if the file cannot be written.
    """
    try:
        text = tomli_w.dumps(card)
    except TypeError as error:
        raise ConfigError(f"a card cannot hold all of these values ({error}); use those that TOML has") from None
    new_folder(folder)
    with whole_file(folder / CARD) as part:
        part.write_text(text, encoding="utf-8")
    return folder / CARD
