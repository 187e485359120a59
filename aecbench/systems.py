"""Systems: a canceller with its parameters and weights, loaded by name, by folder, or as "package.module:Class"."""

import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from aecbench import __version__
from aecbench.assets import find, names
from aecbench.cancellers import CANCELLERS
from aecbench.cancellers.base import Canceller
from aecbench.cancellers.external.predictions import Predictions
from aecbench.config import canonical_json, parse, read_toml, sha256
from aecbench.errors import ConfigError, UnknownName, UsageError, did_you_mean
from aecbench.record import Frozen

__all__ = ["Card", "System", "load_predictions", "load_system"]

CARD = "card.toml"
COMMAND = "command:"
PROGRAM = "aecbench.cancellers.external.command:Command"


class Card(Frozen):
    """What baselines/<name>/card.toml says."""

    canceller: str  # row of CANCELLERS or "package.module:Class"
    summary: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    origin: dict[str, Any] = Field(default_factory=dict)  # where the parameters come from


@dataclass(frozen=True)
class System:
    """A canceller that is ready to run, and what identifies it in results."""

    name: str
    canceller: Canceller
    target: str  # "module:Class"
    parameters: Mapping[str, Any]
    summary: str = ""

    @property
    def hash(self) -> str:
        """Hash of what decides the output: class, parameters, version of aecbench."""
        return sha256(canonical_json([self.target, dict(self.parameters), __version__]))


def load_system(name: str) -> System:
    """The system of a shipped baseline, a row of CANCELLERS, a folder with a card.toml, or a "package.module:Class".

    Or "command:prog {mic} {far} {out}", an outside program. Raises UnknownName with the nearest known name, ConfigError
    for a card or a class that cannot be used, NotInstalled where something optional is missing.
    """
    if name in names("baselines"):
        return _from_folder(name, find("baselines", name))
    if name in CANCELLERS:
        return _build(name, CANCELLERS[name], {}, "")
    if name.startswith(COMMAND):
        return _build(name, PROGRAM, {"command": name.removeprefix(COMMAND)}, "")
    if ":" in name:
        return _build(name, name, {}, "")
    if (Path(name) / CARD).is_file():
        return _from_folder(Path(name).resolve().name, Path(name))
    raise UnknownName("model", name, {*names("baselines"), *CANCELLERS})


def load_predictions(folder: Path) -> System:
    """What an outside program has made of the scenes, WAV files in a folder, as a system of the folder's name.

    It is identified by the contents of the files. Raises UsageError where there are none.
    """
    files = sorted(folder.glob("*.wav"))
    if not files:
        raise UsageError(f"predictions {folder}: holds no .wav files; expected <split>-<index>.wav for every scene")
    contents = sha256(canonical_json([[file.name, sha256(file.read_bytes())] for file in files]))
    target = f"{Predictions.__module__}:{Predictions.__qualname__}"
    return System(folder.resolve().name, Predictions(folder.absolute()), target, {"files": contents})


def _from_folder(name: str, folder: Path) -> System:
    card = parse(Card, read_toml(folder / CARD), str(folder / CARD))
    if card.canceller not in CANCELLERS and ":" not in card.canceller:
        raise ConfigError(f"{folder / CARD}: unknown canceller: {did_you_mean(card.canceller, CANCELLERS)}")
    target = CANCELLERS.get(card.canceller, card.canceller)
    return _build(name, target, card.parameters, card.summary, folder)


def _build(name: str, target: str, parameters: dict[str, Any], summary: str, folder: Path | None = None) -> System:
    cls = _import(target, folder)
    known = [field.name for field in fields(cls)] if is_dataclass(cls) else list(parameters)
    for key in parameters:
        if key not in known:
            raise ConfigError(f"model {name!r}: unknown parameter {key!r}: {did_you_mean(key, known)}")
    try:
        canceller = cls(**parameters)
    except TypeError as error:
        raise ConfigError(f"model {name!r}: {target} cannot be made from {parameters}: {error}") from None
    if not isinstance(canceller, Canceller):
        raise ConfigError(f"model {name!r}: {target} is no canceller; it needs cancel(mic, far) and latency")
    return System(name, canceller, target, parameters, summary)


def _import(target: str, folder: Path | None) -> Any:
    """The class that "package.module:Class" names, looked for in the card's folder and the current one too."""
    module, _, attribute = target.partition(":")
    for place in (Path.cwd(), folder):
        if place is not None and str(place.resolve()) not in sys.path:
            sys.path.append(str(place.resolve()))
    try:
        return getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        raise ConfigError(f"model {target!r}: cannot import {module!r} ({error}); is it installed?") from None
    except AttributeError:
        raise ConfigError(f"model {target!r}: module {module!r} has no {attribute!r}") from None
