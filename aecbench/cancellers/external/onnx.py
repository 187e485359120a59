"""A canceller in an ONNX file, as `aecbench export-model` writes it, run by onnxruntime on one thread."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from aecbench.cancellers.abilities import Count
from aecbench.cancellers.base import Streaming, check_finite
from aecbench.config import parse
from aecbench.errors import ConfigError
from aecbench.onnx_session import load_session
from aecbench.record import Frozen
from aecbench.signals import Array

__all__ = ["KEY", "Facts", "OnnxModel", "State"]

KEY = "aecbench."  # before the names of facts in the metadata of a model
SIGNALS = ["mic", "far"]
STATE, NEXT = "state.", "next."

State = tuple[dict[str, NDArray[np.float32]], ...]  # of each signal of the batch, by the names of inputs


class Facts(Frozen):
    """What a model says of itself."""

    system: str
    sample_rate: int = Field(ge=1)  # [Hz]
    latency: int = Field(ge=0)  # see Canceller [samples]
    delay: int = Field(ge=0)  # see Streaming [samples]
    parameters: int = Field(ge=0)  # of the network
    macs: float = Field(ge=0)  # per sample; see `abilities.Count`
    version: str  # of aecbench


@dataclass(frozen=True)
class OnnxModel(Streaming[State]):
    """A model whose inputs are mic, far [block] and states `state.*`, its outputs the block and `next.*`, all float32.

    States start as zeros. Raises ConfigError for a file that is no such model, MissingExtra without onnxruntime.
    """

    model: str  # path of the file

    def __post_init__(self) -> None:
        _load(self.model)

    @property
    def facts(self) -> Facts:
        """What the model says of itself."""
        return _load(self.model)[1]

    @property
    def block(self) -> int:
        """That of the model."""
        return int(_load(self.model)[0].get_inputs()[0].shape[0])

    @property
    def latency(self) -> int:
        """That of the system it was made of."""
        return self.facts.latency

    @property
    def delay(self) -> int:
        """That of the system it was made of."""
        return self.facts.delay

    def cost(self) -> Count:
        """Return the count that the model states."""
        return Count(self.facts.parameters, self.facts.macs)

    def init(self, batch: tuple[int, ...]) -> State:
        """Zeros."""
        states = _load(self.model)[0].get_inputs()[len(SIGNALS) :]
        zeros = {given.name: np.zeros(given.shape, np.float32) for given in states}
        return (zeros,) * int(np.prod(batch))

    def step(self, state: State, mic: Array, far: Array) -> tuple[State, Array]:
        """One signal of the batch after the other."""
        check_finite(self, mic, far)
        session, out, after = _load(self.model)[0], np.empty(mic.shape, np.float32), []
        for before, place in zip(state, np.ndindex(mic.shape[:-1]), strict=True):
            signals = {"mic": mic[place].astype(np.float32), "far": far[place].astype(np.float32)}
            out[place], *values = session.run(None, signals | before)
            after.append(dict(zip(before, values, strict=True)))
        return tuple(after), out


@functools.cache
def _load(path: str) -> tuple[Any, Facts]:
    """The session of a model, once per process, and its facts."""
    session = load_session(Path(path), "onnx", ConfigError, "export it again with aecbench export-model")
    names = [given.name for given in session.get_inputs()]
    results = [given.name for given in session.get_outputs()]
    states = [name.removeprefix(STATE) for name in names[len(SIGNALS) :]]
    if names[: len(SIGNALS)] != SIGNALS or results[1:] != [NEXT + name for name in states]:
        raise ConfigError(
            f"{path}: takes {', '.join(names)} and gives {', '.join(results)}; expected mic, far, state.* and out, "
            "next.*, as aecbench export-model writes them"
        )
    said = session.get_modelmeta().custom_metadata_map
    facts = {key.removeprefix(KEY): value for key, value in said.items() if key.startswith(KEY)}
    return session, parse(Facts, facts, f"{path}: metadata")
