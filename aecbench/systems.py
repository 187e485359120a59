"""Systems: a canceller with its parameters and weights, loaded by name, by folder, or as "package.module:Class"."""

import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field

from aecbench import __version__
from aecbench.assets import find, names
from aecbench.cancellers import CANCELLERS
from aecbench.cancellers.align import FixedDelay, aligned, alignment
from aecbench.cancellers.base import Canceller, Streaming
from aecbench.cancellers.deep import DEEP
from aecbench.cancellers.external.onnx import OnnxModel
from aecbench.cancellers.external.predictions import Predictions
from aecbench.cancellers.oracle import Oracle
from aecbench.cancellers.passthrough import Passthrough
from aecbench.config import canonical_json, parse, read_toml, sha256
from aecbench.errors import AudioError, ConfigError, UnknownName, UsageError, did_you_mean
from aecbench.record import Frozen
from aecbench.signals import Array

__all__ = ["Card", "System", "import_class", "load_predictions", "load_system"]

CARD, BEST = "card.toml", "best"  # BEST: where `aecbench train` keeps the best network, within its folder
COMMAND, ONNX = "command:", ".onnx"
OWN_DELAY = ("webrtc_aec3", "webrtc_aec3_ns")  # 2 dB more ERLE without our tracker, on validation scenes of speech-v1
PROGRAM = "aecbench.cancellers.external.command:Command"


class Card(Frozen):
    """What baselines/<name>/card.toml says."""

    canceller: str  # row of CANCELLERS or "package.module:Class"
    summary: str
    filter: str | None = None  # baseline, or folder beside this one, whose canceller is its parameter `filter`
    parameters: dict[str, Any] = Field(default_factory=dict)
    weights: str | None = None  # of a network: a safetensors file beside the card; or all of it, an .onnx file
    sha256: str | None = None  # of that file
    origin: dict[str, Any] = Field(default_factory=dict)  # where the parameters come from


@dataclass(frozen=True)
class System:
    """A canceller that is ready to run, and what identifies it in results."""

    name: str
    canceller: Canceller
    target: str  # "module:Class"
    parameters: Mapping[str, Any]
    summary: str = ""
    align: str = "none"  # delay of the far end in front of it: "auto", "none" or milliseconds

    @property
    def hash(self) -> str:
        """Hash of what decides the output: class, parameters, alignment, version of aecbench."""
        return sha256(canonical_json([self.target, dict(self.parameters), self.align, __version__]))

    def cancel(self, mic: ArrayLike, far: ArrayLike) -> Array:
        """Take the echo of `far` out of `mic`: both [..., T] at 16 kHz, full scale 1.0 -> float32 [..., T].

        Signals of a batch are cancelled each by itself, from the same start: nothing is kept between calls. Raises
        AudioError for integers, NaN, infinity, no samples, two shapes, and for a canceller that gives such things back.
        """
        x, reference = _samples("mic", mic), _samples("far", far)
        if x.shape != reference.shape:
            raise AudioError(f"mic has shape {x.shape}, far {reference.shape}; cut or pad one to the same shape")
        output = np.asarray(self.canceller.cancel(x, reference))
        if output.shape != x.shape or not np.isfinite(output).all():
            raise AudioError(
                f"{self.name}: its output has shape {output.shape} and {np.isfinite(output).sum()} finite samples, "
                f"expected {x.size} in shape {x.shape}, one for each of the microphone"
            )
        return output.astype(np.float32, copy=False)


def _samples(name: str, x: ArrayLike) -> Array:
    """Audio that a caller gives, as float32 [..., T]. Raises AudioError."""
    values = np.asarray(x)
    if values.dtype.kind != "f":
        raise AudioError(f"{name} is {values.dtype}; expected floating point, full scale 1.0 (int16: divide by 32768)")
    if not (values.ndim and values.size):
        raise AudioError(f"{name} has shape {values.shape}; expected [..., T] with a sample at least")
    with np.errstate(over="ignore"):
        samples = values.astype(np.float32, copy=False)
    if not np.isfinite(samples).all():
        raise AudioError(f"{name} has {np.sum(~np.isfinite(samples))} samples that are not finite; zero them")
    return samples


def load_system(name: str | Path, align: str = "best") -> System:
    """The system of a shipped baseline, a row of CANCELLERS, a folder with a card.toml, or a "package.module:Class".

    Or the folder of a training, an .onnx file that `aecbench export-model` wrote, or "command:prog {mic} {far} {out}",
    an outside program. `align` is the alignment in front of it: "auto", "none", a delay in milliseconds, or "best":
    none before what finds the delay better by itself, "auto" before all else. What does not listen to the far end has
    none. Raises UnknownName with the nearest known name, UsageError for the alignment, ConfigError for a card or a
    class that cannot be used, NotInstalled where something optional is missing.
    """
    if align == "best":
        align = "none" if str(name) in OWN_DELAY else "auto"
    chosen, system = alignment(align), _load(str(name))
    if chosen is None or isinstance(system.canceller, Oracle | Passthrough):
        return system
    written = f"{chosen.milliseconds:g}" if isinstance(chosen, FixedDelay) else align
    return replace(system, canceller=aligned(system.canceller, chosen), align=written)


def _load(name: str) -> System:
    if name in names("baselines"):
        return _from_folder(name, find("baselines", name))
    if name in CANCELLERS:
        return _build(name, CANCELLERS[name], {}, "")
    if name.startswith(COMMAND):
        return _build(name, PROGRAM, {"command": name.removeprefix(COMMAND)}, "")
    if name.endswith(ONNX):
        return _onnx(Path(name).stem, Path(name))
    if ":" in name:
        return _build(name, name, {}, "")
    for folder in (Path(name), Path(name) / BEST):
        if (folder / CARD).is_file():
            return _from_folder(Path(name).resolve().name, folder)
    if Path(name).is_dir():
        raise UsageError(f"model {name!r}: has no {CARD}, and no {BEST}/{CARD} from a finished epoch of training")
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


def _from_folder(name: str, folder: Path, inside: tuple[Path, ...] = ()) -> System:
    """The system of a card, which may be the filter of the cards in the folders that it is `inside` of."""
    path = folder / CARD
    card = parse(Card, read_toml(path), str(path))
    if card.weights is not None and card.weights.endswith(ONNX):
        return _onnx(name, folder / card.weights, card)
    if card.weights is not None:
        return _network(name, card, folder)
    if card.canceller not in CANCELLERS and ":" not in card.canceller:
        raise ConfigError(f"{path}: unknown canceller: {did_you_mean(card.canceller, CANCELLERS)}")
    target = CANCELLERS.get(card.canceller, card.canceller)
    if card.filter is None:
        return _build(name, target, card.parameters, card.summary, folder)
    if folder.resolve() in inside:
        raise ConfigError(f"{path}: filter {card.filter!r} comes back to this card; name another one")
    inner = _filter(card.filter, folder, (*inside, folder.resolve()))
    if not isinstance(inner.canceller, Streaming):
        raise ConfigError(
            f"{path}: filter {card.filter!r} is {inner.target}; expected one that streams, block by block"
        )
    system = _build(name, target, card.parameters | {"filter": inner.canceller}, card.summary, folder)
    facts = {"canceller": inner.target, "parameters": dict(inner.parameters), "hash": inner.hash}
    return replace(system, parameters=card.parameters | {"filter": facts})


def _network(name: str, card: Card, folder: Path) -> System:
    """The canceller of a network with its weights."""
    from aecbench.cancellers.deep.base import load_network  # imports torch

    if card.canceller not in DEEP and ":" not in card.canceller:
        raise ConfigError(f"{folder / CARD}: unknown network: {did_you_mean(card.canceller, DEEP)}")
    if card.weights is None or card.sha256 is None:
        raise ConfigError(f"{folder / CARD}: has no sha256 of its weights; write it, or train it again")
    target = DEEP.get(card.canceller, card.canceller)
    canceller = load_network(
        import_class(target, folder), card.parameters, folder / card.weights, card.sha256
    ).canceller()
    return System(name, canceller, target, card.parameters | {"weights": card.sha256}, card.summary)


def _onnx(name: str, path: Path, card: Card | None = None) -> System:
    """The canceller of a model, identified by what is in the file."""
    canceller = OnnxModel(str(path))
    digest = sha256(path.read_bytes())
    if card is not None and digest != card.sha256:
        raise ConfigError(f"{path}: has SHA-256 {digest}, expected {card.sha256}; export it again")
    target = f"{OnnxModel.__module__}:{OnnxModel.__qualname__}"
    summary = f"{canceller.facts.system} as an ONNX model" if card is None else card.summary
    return System(name, canceller, target, {"model": digest}, summary)


def _filter(name: str, folder: Path, inside: tuple[Path, ...]) -> System:
    """The system that a card in `folder` names as its filter."""
    beside = {path.parent.name: path.parent for path in folder.resolve().parent.glob(f"*/{CARD}")}
    known = beside | {shipped: find("baselines", shipped) for shipped in names("baselines")}
    if name not in known:
        raise ConfigError(f"{folder / CARD}: unknown filter {name!r}: {did_you_mean(name, known)}")
    return _from_folder(name, known[name], inside)


def _build(name: str, target: str, parameters: dict[str, Any], summary: str, folder: Path | None = None) -> System:
    cls = import_class(target, folder)
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


def import_class(target: str, folder: Path | None) -> Any:
    """The class that "package.module:Class" names, looked for in the card's folder and the current one too.

    Raises ConfigError where there is none.
    """
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
