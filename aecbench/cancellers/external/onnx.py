"""A canceller in an ONNX file, as `aecbench export-model` writes it, run by onnxruntime on one thread."""

import functools
from collections.abc import Sequence
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
class OnnxModel(Streaming[State]):
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
        return _inputs(self.model)["mic"][0]

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

    def init(self, batch: tuple[int, ...]) -> State:
        """Zeros."""
        _, _, *shapes = _inputs(self.model).values()
        return tuple(np.zeros(batch + shape, np.float32) for shape in shapes)

    def step(self, state: State, mic: Array, far: Array) -> tuple[State, Array]:
        """Cancel one block of every signal, one signal after the other."""
        check_finite(self, mic, far)
        mic, far = (np.ascontiguousarray(x, np.float32) for x in (mic, far))
        return self.consume(state, mic, far)

    def consume(self, state: State, mic: Array, far: Array) -> tuple[State, Array]:
        """As `step`; nothing is written over."""
        inputs, arrays = _inputs(self.model), (mic, far, *state)
        rows = [x.reshape(-1, *shape) for x, shape in zip(arrays, inputs.values(), strict=True)]
        run = _load(self.model)[0].run
        signals = range(len(rows[0]))
        results = [run(None, {name: x[n, ...] for name, x in zip(inputs, rows, strict=True)}) for n in signals]
        before = mic, *state
        out, *after = (_joined([result[i] for result in results]).reshape(x.shape) for i, x in enumerate(before))
        return tuple(after), out


def _joined(values: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return arrays of one signal each as one array, without a copy for a single signal."""
    return values[0] if len(values) == 1 else np.array(values, np.float32)


@functools.cache
def _inputs(path: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the inputs of a model; onnxruntime makes them again at every call."""
    return {source.name: tuple(source.shape) for source in _load(path)[0].get_inputs()}


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
