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
from aecbench.cancellers.base import Streaming, check_block
from aecbench.errors import ConfigError
from aecbench.onnx_session import load_session
from aecbench.record import Frozen, parse
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
        check_block(self, mic, far)
        mic, far = (np.ascontiguousarray(x, np.float32) for x in (mic, far))
        inputs, arrays = _inputs(self.model), (mic, far, *state)
        rows = [x.reshape(-1, *shape) for x, shape in zip(arrays, inputs.values(), strict=True)]
        run = _load(self.model)[0].run
        signals = range(len(rows[0]))
        results = [run(None, {name: x[n, ...] for name, x in zip(inputs, rows, strict=True)}) for n in signals]
        before = mic, *state
        out, *after = (_joined([result[i] for result in results]).reshape(x.shape) for i, x in enumerate(before))
        return tuple(after), out

    def consume(self, state: State, mic: Array, far: Array) -> tuple[State, Array]:
        """As `step`, with states that the session reads and writes where they are; see `Loop`."""
        session, _ = _load(self.model)
        if not (isinstance(state, Held) and state.loop.session is session):
            state = Loop(session, mic, state).held(0)
        return state.loop.run(state.turn, mic, far)


class Held(tuple[NDArray[np.float32], ...]):
    """A state whose arrays are one of the two sets of a loop."""

    loop: "Loop"
    turn: int

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy as a plain state."""
        return tuple, (tuple(self),)


class Loop:
    """Two sets of arrays for the states of N signals: the session reads one set and writes the other, block by block.

    They are made known to the session once. Handing two dozen arrays over and getting new ones back at every block
    would take a tenth of the time of the block.
    """

    def __init__(self, session: Any, mic: Array, state: State) -> None:
        """Start with a copy of a state of signals like mic [N, block]."""
        self.session = session
        self.mic, self.far, self.out = (np.empty_like(mic) for _ in range(3))
        self.sets = tuple(x.copy() for x in state), tuple(np.empty_like(x) for x in state)
        self.bindings = [[self._binding(turn, n) for n in range(len(mic))] for turn in (0, 1)]

    def held(self, turn: int) -> Held:
        """Return the state of a set."""
        state = Held(self.sets[turn])
        state.loop, state.turn = self, turn
        return state

    def run(self, turn: int, mic: Array, far: Array) -> tuple[State, Array]:
        """Cancel a block of every signal, given the set of the state; return the other set and the output."""
        self.mic[:], self.far[:] = mic, far
        for binding in self.bindings[turn]:
            self.session.run_with_iobinding(binding)
        return self.held(1 - turn), self.out.copy()

    def _binding(self, turn: int, signal: int) -> Any:
        binding, session = self.session.io_binding(), self.session
        inputs, outputs = (self.mic, self.far, *self.sets[turn]), (self.out, *self.sets[1 - turn])
        for bind, values, arrays in (
            (binding.bind_input, session.get_inputs(), inputs),
            (binding.bind_output, session.get_outputs(), outputs),
        ):
            for value, array in zip(values, arrays, strict=True):
                bind(value.name, "cpu", 0, np.float32, value.shape, array[signal, ...].ctypes.data)
        return binding


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
