"""Systems: a canceller with its parameters and weights, loaded by name, by folder, or as "package.module:Class"."""

import html
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from aecbench import cancellers
from aecbench._version import __version__
from aecbench.assets import find, names
from aecbench.cancellers import ADAPTERS, CANCELLERS
from aecbench.cancellers.abilities import Trait, flaw, latency, sample_rates, streaming, traits
from aecbench.cancellers.align import FixedDelay, aligned, alignment
from aecbench.cancellers.base import Canceller, Streaming
from aecbench.cancellers.deep import DEEP
from aecbench.cancellers.external.predictions import NAMES, prediction_files
from aecbench.cancellers.input import as_samples
from aecbench.cancellers.live import Live
from aecbench.cancellers.output import checked, finite
from aecbench.cards import CARD, TRAINED, Card, read_card
from aecbench.config import canonical_json, sha256
from aecbench.errors import AecbenchError, AudioError, ConfigError, UnknownName, UsageError, blame, did_you_mean
from aecbench.plugins import is_outside, load
from aecbench.signals import Array

__all__ = [
    "Code",
    "System",
    "card_folder",
    "difference",
    "import_class",
    "load_predictions",
    "load_system",
    "split_name",
]

COMMAND, ONNX = "command", ".onnx"
OWN_DELAY = ("webrtc_aec3", "webrtc_aec3_ns", "livekit_aec3")
"""Systems with their own delay estimation, which yields 2 dB more ERLE for the first two (speech-v1, split val)."""
LINE = 200  # most characters of parameters that are shown
SHORTEST = 160  # samples (10 ms): a shorter last axis is taken for channels
NAMED = re.compile(r"(?P<name>[^/\\:={}\s][^/\\:={}\n]*)=(?P<model>.+)")


@dataclass(frozen=True)
class Code:
    """A class outside of this package, and the folder from which it is imported. Unpickling it imports the class."""

    target: str  # "module:Class"
    folder: str

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Import the class in the process that unpickles this object."""
        return _imported, (self.target, self.folder)


def _imported(target: str, folder: str) -> Code:
    import_class(target, Path(folder))
    return Code(target, folder)


@dataclass(frozen=True)
class System:
    """A canceller that is ready to run, and the facts that identify it in results."""

    name: str
    canceller: Canceller
    target: str  # "module:Class"
    parameters: Mapping[str, Any]
    summary: str = ""
    align: str = "none"  # alignment in front of it: "auto", "none" or milliseconds
    model: str = ""  # argument of `load_system` or `load_predictions`, without "NAME="
    code: tuple[Code, ...] = field(default=(), repr=False)  # classes to import before the canceller is unpickled

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Pickle the code first: a canceller is pickled with the name of its class, which has to be importable then."""
        return _unpickled, (self.code, {attribute.name: getattr(self, attribute.name) for attribute in fields(self)})

    def __repr__(self) -> str:
        return f"System({self.name!r}, {self.target!r}, align={self.align!r}, {self._values()})"

    def _repr_html_(self) -> str:
        """Return the facts as a table, for notebooks."""
        samples = latency(self.canceller)
        facts = {
            "system": self.name,
            "summary": self.summary,
            "class": self.target,
            "align": self.align,
            "latency": "not known" if samples is None else f"{samples} samples",
            "parameters": self._values(),
        }
        rows = (f"<tr><th>{html.escape(name)}</th><td>{html.escape(value)}</td></tr>" for name, value in facts.items())
        return f"<table>{''.join(rows)}</table>"

    def _values(self) -> str:
        """Return the parameters on one short line."""
        values = ", ".join(f"{name}={value!r}" for name, value in self.parameters.items())
        return values if len(values) <= LINE else f"{len(self.parameters)} parameters"

    @property
    def hash(self) -> str:
        """Hash of everything that determines the output: class, parameters, alignment, version of aecbench."""
        return sha256(canonical_json([self.target, dict(self.parameters), self.align, __version__]))

    def check_rate(self, rate: int, what: str) -> None:
        """Raise UsageError if the system requires another sample rate [Hz] than `rate`, the one of `what`."""
        for own in sorted(sample_rates(self.canceller) - {rate}):
            called = self.name if self.align in ("auto", "none") else f"{self.name} with align {self.align}"
            raise UsageError(
                f"{called} is for audio at {own} Hz, and {what} is at {rate} Hz; choose another system, or audio at "
                f"{own} Hz"
            )

    def cancel(self, mic: ArrayLike, far: ArrayLike) -> Array:
        """Cancel the echo of `far` in `mic`: both [..., T] at 16 kHz, full scale 1.0 -> float32 [..., T].

        The signals of a batch are processed independently, and no state is kept between calls. Raises AudioError for
        integers, NaN, infinity, empty signals, [samples, channels], different shapes and anything that is not an array,
        and for a canceller whose output is not finite, or not an array of floating-point samples of this shape.
        """
        x, reference = _samples("mic", mic), _samples("far", far)
        if x.shape != reference.shape:
            raise AudioError(f"mic has shape {x.shape}, far {reference.shape}; cut or pad one to the same shape")
        return finite(self.name, checked(self.canceller, self.canceller.cancel(x, reference), x.shape))

    def live(self) -> Live:
        """Return the system for audio that arrives in chunks of any size, at 16 kHz or the rate that it requires.

        A second of an echo is cancelled first, so that everything is compiled and loaded, which may take seconds.
        Raises UsageError for a system that does not run block by block, whose alignment delays the microphone, or which
        is for another rate than its alignment.
        """
        parts = streaming(self.canceller)
        if parts is None:
            raise UsageError(f"{self.name} does not run block by block; choose another model, or give whole recordings")
        if parts[1] < 0:
            raise UsageError(
                f"align {self.align}: a system that runs live cannot delay the microphone; delay it in front, or give "
                f"whole recordings"
            )
        first = Live(*parts)
        rate = first.sample_rate
        self.check_rate(rate, "the canceller behind this delay")
        far = np.random.default_rng(0).normal(size=rate).astype(np.float32) / 100
        first.process(np.roll(far, rate // 10), far)
        return Live(*parts)


def _unpickled(_: tuple[Code, ...], values: dict[str, Any]) -> System:
    return System(**values)


def _samples(name: str, x: ArrayLike) -> Array:
    """Return a caller's audio as float32 [..., T]. Raises AudioError."""
    samples = as_samples(name, x)
    if not (samples.ndim and samples.size):
        raise AudioError(f"{name} has shape {samples.shape}; expected [..., T] with a sample at least")
    *batch, length = samples.shape
    if length < min(max(batch, default=0), SHORTEST):
        expected = np.moveaxis(samples, int(np.argmax(batch)), -1).shape
        raise AudioError(f"{name} has shape {samples.shape}, but time is the last axis; transpose it to {expected}")
    return samples


def load_system(name: str | Path, align: str = "best") -> System:
    """Load a system: a shipped baseline, a row of CANCELLERS, a folder with a card.toml, or a "package.module:Class".

    It may also be a canceller that an installed package offers as an entry point `aecbench.cancellers`, the folder of a
    training, an .onnx file from `aecbench export-model`, or an external program, "command:prog {mic} {far} {out}".
    "NAME=" in front of any of these gives the system a name of the user's choice. `align` is the alignment in front of
    it: "auto", "none", a delay in milliseconds, or "best": none before what finds the delay better by itself, "auto"
    before all else. Systems that ignore the far end run without one. Raises UnknownName with the nearest known name,
    UsageError for the alignment, ConfigError for a card or a class that cannot be used, NotInstalled where something
    optional is missing.
    """
    called, model = split_name(str(name))
    if align == "best":
        align = "none" if model in OWN_DELAY else "auto"
    chosen, system = alignment(align), _load(model)
    system = replace(system, name=called or system.name, model=model)
    if chosen is None or Trait.IGNORES_FAR in traits(system.canceller):
        return system
    written = f"{chosen.milliseconds:g}" if isinstance(chosen, FixedDelay) else align
    return replace(system, canceller=aligned(system.canceller, chosen), align=written)


def split_name(text: str) -> tuple[str, str]:
    """Return name and model of "NAME=MODEL"; the name is "" if there is none, as in the path of a file or folder.

    >>> split_name("tuned=runs/tune/kalman"), split_name("command:prog --mic={mic} {far} {out}")
    (('tuned', 'runs/tune/kalman'), ('', 'command:prog --mic={mic} {far} {out}'))
    """
    match = NAMED.fullmatch(text)
    return ("", text) if match is None or Path(text).exists() else (match["name"].rstrip(), match["model"])


def _load(name: str) -> System:
    if name in names("baselines"):
        return _from_folder(name, find("baselines", name))
    if name in CANCELLERS:
        return _build(name, CANCELLERS[name], {}, "")
    if name.startswith(f"{COMMAND}:"):
        return _program(name, {"command": name.removeprefix(f"{COMMAND}:")}, "", Path.cwd())
    if name.endswith(ONNX):
        return _onnx(Path(name).name, Path(name))
    if ":" in name:
        return _build(name, name, {}, "")
    folder = card_folder(name)
    if folder is not None:
        return _from_folder(Path(name).resolve().name, folder)
    if (offered := cancellers.target(name)) is not None:
        return _build(name, offered, {}, "")
    if Path(name).is_dir():
        places = ", ".join((CARD, *(f"{subfolder}/{CARD}" for subfolder in TRAINED)))
        raise UsageError(f"model {name!r}: this folder holds none of {places}; the last two come from a training")
    if Path(name).is_file() and name.endswith(".py"):
        raise UsageError(f"model {name!r}: is a file; name the class in it, as in {Path(name).stem}:MyCanceller")
    raise UnknownName("model", name, {*names("baselines"), *CANCELLERS, *cancellers.TABLE.offered})


def card_folder(model: str) -> Path | None:
    """Return the folder with the card of a model; None for a model without a card, such as a class or a program."""
    if model in names("baselines"):
        return find("baselines", model)
    if model in CANCELLERS:
        return None
    places = (Path(model), *(Path(model, path) for path in TRAINED))
    return next((path for path in places if (path / CARD).is_file()), None)


def load_predictions(name: str | Path) -> System:
    """Return the output of another program, audio files in a folder ("DIR" or "NAME=DIR"), as a system.

    Its default name is the one of the folder, and the contents of the files identify it. Raises UsageError if there is
    no such folder, or no audio file in it.
    """
    called, model = split_name(str(name))
    folder = Path(model)
    if not folder.is_dir():
        raise UsageError(f"predictions {folder}: no such folder; expected one with {NAMES} for every scene")
    files = prediction_files(folder)
    if not files:
        raise UsageError(f"predictions {folder}: contains no audio files; expected {NAMES} for every scene")
    hashes = [[file.relative_to(folder).as_posix(), sha256(file.read_bytes())] for file in files]
    contents = sha256(canonical_json(hashes))
    chosen = called or folder.resolve().name
    system = _build(chosen, ADAPTERS["predictions"], {"folder": folder.absolute()}, "")
    return replace(system, parameters={"files": contents}, model=model)


def _from_folder(name: str, folder: Path, inside: tuple[Path, ...] = ()) -> System:
    """Return the system of a card; `inside` are the folders of cards that use it as their filter, to detect loops."""
    path = folder / CARD
    card = read_card(folder)
    if card.weights is not None and card.weights.endswith(ONNX):
        return _onnx(name, folder / card.weights, card)
    if card.weights is not None:
        return _network(name, card, folder)
    if card.canceller == COMMAND:
        return _program(name, card.parameters, card.summary, folder)
    target = cancellers.target(card.canceller)
    if target is None:
        choices = [*CANCELLERS, COMMAND, *cancellers.TABLE.offered]
        raise ConfigError(f"{path}: unknown canceller: {did_you_mean(card.canceller, choices)}")
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
    return replace(system, parameters=card.parameters | {"filter": facts}, code=inner.code + system.code)


def _program(name: str, parameters: dict[str, Any], summary: str, folder: Path) -> System:
    """Return the system of an external program, which runs in a folder; the folder is not part of its identity."""
    system = _build(name, ADAPTERS["command"], parameters | {"folder": folder.resolve()}, summary)
    return replace(system, parameters=parameters)


def _network(name: str, card: Card, folder: Path) -> System:
    """Return the system of a network with its weights."""
    if card.canceller not in DEEP and ":" not in card.canceller:
        raise ConfigError(f"{folder / CARD}: unknown network: {did_you_mean(card.canceller, DEEP)}")
    if card.weights is None or card.sha256 is None:
        raise ConfigError(f"{folder / CARD}: has no sha256 of its weights; write it, or train it again")
    target = DEEP.get(card.canceller, card.canceller)
    canceller = _trained(target, card.parameters, folder / card.weights, card.sha256)
    parameters = card.parameters | {"weights": card.sha256}
    return System(name, canceller, target, parameters, card.summary, code=_code(target, folder))


def _trained(target: str, parameters: Mapping[str, Any], weights: Path, digest: str) -> Canceller:
    """Return the canceller of a network class, without torch if the class and its parameters allow it."""
    from aecbench.cancellers.deep.inference.canceller import load_inference  # imports kernels

    canceller = load_inference(target, parameters, weights, digest)
    if canceller is not None:
        return canceller
    from aecbench.cancellers.deep.base import load_network  # imports torch

    return load_network(import_class(target, weights.parent), parameters, weights, digest).canceller()


def _onnx(name: str, path: Path, card: Card | None = None) -> System:
    """Return the system of an ONNX model, which is identified by the contents of the file."""
    system = _build(name, ADAPTERS["onnx"], {"model": str(path)}, "")
    digest = sha256(path.read_bytes())
    if card is not None and digest != card.sha256:
        raise ConfigError(f"{path}: has SHA-256 {digest}, expected {card.sha256}; export it again")
    canceller: Any = system.canceller
    summary = f"{canceller.facts.system} as an ONNX model" if card is None else card.summary
    return replace(system, parameters={"model": digest}, summary=summary)


def _filter(name: str, folder: Path, inside: tuple[Path, ...]) -> System:
    """Return the system that a card in `folder` names as its filter."""
    beside = {path.parent.name: path.parent for path in folder.resolve().parent.glob(f"*/{CARD}")}
    filters = beside | {shipped: find("baselines", shipped) for shipped in names("baselines")}
    if name not in filters:
        raise ConfigError(f"{folder / CARD}: unknown filter {name!r}: {did_you_mean(name, filters)}")
    return _from_folder(name, filters[name], inside)


def difference(system: System, canceller: str, parameters: Mapping[str, Any]) -> str:
    """Return in what a system differs from what was recorded: "class", "parameters", or "" where it is the same.

    `canceller` is the recorded "module:Class". The version of aecbench is not compared.
    """
    if system.target != canceller:
        return "class"
    same = canonical_json(dict(system.parameters)) == canonical_json(dict(parameters))
    return "" if same else "parameters"


def _build(name: str, target: str, parameters: dict[str, Any], summary: str, folder: Path | None = None) -> System:
    cls = import_class(target, folder)
    keys = [field.name for field in fields(cls)] if is_dataclass(cls) else list(parameters)
    for key in parameters:
        if key not in keys:
            raise ConfigError(f"model {name!r}: unknown parameter {key!r}: {did_you_mean(key, keys)}")
    try:
        canceller = cls(**parameters)
    except AecbenchError:
        raise
    except TypeError as error:
        raise ConfigError(f"model {name!r}: {target} cannot be made from {parameters}: {error}") from None
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever the code of a user raises, as for a missing file of weights
        raise ConfigError(f"model {name!r}: {target} cannot be made from {parameters}: {blame(error)}") from None
    if problem := flaw(canceller):
        raise ConfigError(f"model {name!r}: {target} cannot be used: {problem}")
    if not isinstance(canceller, Canceller):
        raise ConfigError(f"model {name!r}: {target} is not a canceller; it needs cancel(mic, far) and latency")
    return System(name, canceller, target, parameters, summary, code=_code(target, folder))


def _code(target: str, folder: Path | None) -> tuple[Code, ...]:
    """Return the code that another process must import for a class; empty for a class of this package."""
    return (Code(target, str((folder or Path.cwd()).resolve())),) if is_outside(target) else ()


def import_class(target: str, folder: Path | None) -> Any:
    """Return the class "package.module:Class"; a class of another package is also searched for in the card's folder.

    The module search path is extended for other packages only, because worker processes are replaced when it changes.
    Raises ConfigError if there is no such class.
    """
    name = f"model {target!r}"
    if not is_outside(target):
        return load(target, name)
    for path in (Path.cwd(), folder):
        if path is not None and str(path.resolve()) not in sys.path:
            sys.path.append(str(path.resolve()))
    cls = load(target, name)
    if folder is not None:
        _check_origin(target, folder)
    return cls


def _check_origin(target: str, folder: Path) -> None:
    """Raise ConfigError if a folder contains the module of a class, but another file was imported under its name."""
    top = target.partition(":")[0].partition(".")[0]
    own = PathFinder.find_spec(top, [str(folder.resolve())])
    used = getattr(sys.modules[top], "__file__", None)
    if own is None or own.origin is None or used is None or Path(own.origin).read_bytes() == Path(used).read_bytes():
        return
    raise ConfigError(
        f"model {target!r}: {used} is imported as {top!r}, not {own.origin}; rename one of the files, or run each "
        f"model in a command of its own"
    )
