"""A canceller in an ONNX file, as `aecbench export-model` writes it, run by onnxruntime on one thread."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from aecbench.cancellers.abilities import Count
from aecbench.cancellers.base import FlatStreaming
from aecbench.config import parse
from aecbench.errors import ConfigError
from aecbench.onnx_session import load_session
from aecbench.record import Frozen
from aecbench.signals import Array

__all__ = ["KEY", "Facts", "OnnxModel", "State"]

KEY = "aecbench."  # before the names of facts in the metadata of a model
SIGNALS = ["mic", "far"]
STATE, NEXT = "state.", "next."

State = tuple[NDArray[np.float32], ...]  # [..., *shape] of each input of the model


class Facts(Frozen):
    """The metadata of a model."""

    system: str
    sample_rate: int = Field(ge=1)  # [Hz]
    latency: int = Field(ge=0)  # see Canceller [samples]
    delay: int = Field(ge=0)  # see Streaming [samples]
    parameters: int = Field(ge=0)  # of the network
    macs: float = Field(ge=0)  # per sample; see `abilities.Count`
    version: str  # of aecbench


@dataclass(frozen=True)
class OnnxModel(FlatStreaming[State]):
    """A model whose inputs are mic, far [block] and states `state.*`, its outputs the block and `next.*`, all float32.

    States start as zeros. Raises ConfigError for a file that is not such a model, MissingExtra without onnxruntime.
    """

    model: str  # path of the file

    def __post_init__(self) -> None:
        _load(self.model)

    @property
    def facts(self) -> Facts:
        """The metadata of the model."""
        return _load(self.model)[1]

    @property
    def block(self) -> int:
        """The block length of the model [samples]."""
        return int(_load(self.model)[0].get_inputs()[0].shape[0])

    @property
    def sample_rate(self) -> int:
        """The rate of the exported network [Hz]."""
        return self.facts.sample_rate

    @property
    def latency(self) -> int:
        """The value of the exported system."""
        return self.facts.latency

    @property
    def delay(self) -> int:
        """The value of the exported system."""
        return self.facts.delay

    def cost(self) -> Count:
        """Return the count that the model states."""
        return Count(self.facts.parameters, self.facts.macs)

    def start(self, signals: int) -> State:
        """Zeros."""
        states = _load(self.model)[0].get_inputs()[len(SIGNALS) :]
        return tuple(np.zeros((signals, *source.shape), np.float32) for source in states)

    def advance(self, state: State, mic: Array, far: Array) -> Array:
        """One signal of the batch after the other."""
        session = _load(self.model)[0]
        names = [source.name for source in session.get_inputs()]
        for n in range(len(mic)):
            inputs = [mic[n], far[n], *(values[n, ...] for values in state)]
            out, *after = session.run(None, dict(zip(names, inputs, strict=True)))
            mic[n] = out
            for values, value in zip(state, after, strict=True):
                values[n] = value
        return mic


@functools.cache
def _load(path: str) -> tuple[Any, Facts]:
    """The session of a model, once per process, and its facts."""
    session = load_session(Path(path), "onnx", ConfigError, "export it again with aecbench export-model")
    names = [source.name for source in session.get_inputs()]
    results = [source.name for source in session.get_outputs()]
    states = [name.removeprefix(STATE) for name in names[len(SIGNALS) :]]
    if names[: len(SIGNALS)] != SIGNALS or results[1:] != [NEXT + name for name in states]:
        raise ConfigError(
            f"{path}: takes {', '.join(names)} and gives {', '.join(results)}; expected mic, far, state.* and out, "
            "next.*, as aecbench export-model writes them"
        )
    metadata = session.get_modelmeta().custom_metadata_map
    facts = {key.removeprefix(KEY): value for key, value in metadata.items() if key.startswith(KEY)}
    return session, parse(Facts, facts, f"{path}: metadata")
