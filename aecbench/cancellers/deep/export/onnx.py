"""A deep system as one ONNX graph: a block of samples in, a block of samples out, and between blocks its state.

    inputs    mic, far [block] and state.*     float32, of one signal, shapes fixed
    outputs   out [block] and next.*           next.* in the order of state.*

Every state starts as zeros; next.* of a block are state.* of the next one. Complex numbers are pairs (real, imaginary)
on a first axis, whole numbers are float32 too. The graph contains the transforms to spectra and back, the Kalman filter
in front if the system has one, network and adaptive filter: all but the delay tracker, which works on longer blocks and
resets the system when the delay changes. The output lags the microphone by `delay` samples; this and other facts for a
reader are metadata of the model, external.onnx.Facts.

torch records the code that runs otherwise too, with the adaptive filters as their plain loops. That recording is
made a second time in real arithmetic, real_arithmetic.py.
"""

import logging
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from aecbench._version import __version__
from aecbench.cancellers.abilities import cost
from aecbench.cancellers.base import Canceller
from aecbench.cancellers.deep.export import kalman_step
from aecbench.cancellers.deep.export.compress import quantize
from aecbench.cancellers.deep.export.real_arithmetic import RealArithmetic
from aecbench.cancellers.deep.framewise import FramewiseCanceller, FramewiseNetwork
from aecbench.cancellers.deep.inference.canceller import InferenceCanceller
from aecbench.cancellers.deep.parts import stft
from aecbench.cancellers.external.onnx import KEY, Facts, OnnxModel
from aecbench.cancellers.kalman import Kalman
from aecbench.cards import check_model_folder, write_card
from aecbench.config import sha256
from aecbench.errors import MissingExtra, UsageError
from aecbench.output import new_folder, whole_file

__all__ = ["Block", "export", "exportable"]

SUFFIX = ".onnx"
FILE = f"model{SUFFIX}"
OPSET = 20
LARGEST = 2**24  # numbers of a constant that is stored once although several nodes use it


class Block(nn.Module):
    """A step of a canceller in torch: mic, far [block] and its state as float32 tensors in, out [block] and state out.

    `names` are the names of the tensors of the state, `zeros` their first values.
    """

    def __init__(self, canceller: FramewiseCanceller) -> None:
        super().__init__()
        self.network: FramewiseNetwork = canceller.network
        self.front: Any = canceller.front
        self.hop, self.frame = canceller.block, canceller.network.config.n_fft
        self.synthesis, _ = canceller.network.synthesis
        self.start = canceller.init(())
        leaves = dict(_leaves(self.start))
        # Values that are not zero at first are added in the first block, where `started` is 0
        self.first = {name: _narrow(_real(value)) for name, value in leaves.items() if value.any()}
        self.names, self.zeros = list(leaves), [torch.zeros(_real(value).shape) for value in leaves.values()]
        if self.first:
            self.names.append("started")
            self.zeros.append(torch.zeros(1))

    def forward(self, mic: Tensor, far: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        """Cancel one block."""
        values = dict(zip(self.names, state, strict=True))
        if self.first:
            fresh = 1 - values.pop("started")
            values |= {name: values[name] + fresh * value for name, value in self.first.items()}
        before: Any = _like(self.start, iter(values.values()))
        signals, front = [mic, far], before.front
        if self.front is not None:
            front, error = kalman_step.step(self.front, front, mic, far)
            signals.append(error)
        samples = torch.cat([before.past, torch.stack(signals)], -1)
        spectra = torch.fft.rfft(samples * stft.window(self.frame, self.hop, samples))
        out, network = self.network.frames(spectra[:, None, None], before.network)
        y = torch.fft.irfft(out[0, 0]) * stft.window(self.synthesis, self.hop, samples)
        y = y + nn.functional.pad(before.pending, (0, self.hop))
        after = samples[:, self.hop :], y[self.hop :], network, front  # in the order of State
        following = [
            _real(value).float().clone() for _, value in _leaves(after)
        ]  # clone: an output must not be an input
        return (y[: self.hop], *following, *([torch.ones(1)] if self.first else []))


class InReal(nn.Module):
    """A recorded program in real arithmetic."""

    def __init__(self, program: torch.export.ExportedProgram) -> None:
        super().__init__()
        self.program = program.module(check_guards=False)

    def forward(self, *inputs: Tensor) -> Any:
        """Run the program."""
        return RealArithmetic(self.program).run(*inputs)


def exportable(canceller: Canceller, name: str) -> FramewiseCanceller:
    """Return the same canceller, in torch. Raises UsageError for one whose step cannot be exported."""
    if isinstance(canceller, InferenceCanceller):
        canceller = canceller.trained().canceller()
    if isinstance(canceller, FramewiseCanceller) and isinstance(canceller.front, Kalman | None):
        return canceller
    raise UsageError(
        f"model {name!r}: is a {type(canceller).__name__}, expected a network that works frame by frame, as "
        "deep_adaptive; others cannot be exported to ONNX"
    )


def export(canceller: FramewiseCanceller, out: Path, *, name: str, int8: bool = False) -> Path:
    """Write OUT, a file if it ends with .onnx, else a folder with card.toml and model.onnx, and return OUT.

    `name` is the name of the system, for readers of the model. `int8`: see compress.quantize. Raises UsageError for a
    folder with a model that is not in ONNX, OutputError, MissingExtra.
    """
    if out.suffix != SUFFIX:
        check_model_folder(out, lambda card: str(card.weights).endswith(SUFFIX))
    with _quiet():
        model = _recorded(canceller)
        if int8:
            weights = [p.numpy() for p in canceller.network.parameters()]
            model = quantize(model, weights)
    for key, value in _facts(canceller, name).model_dump().items():
        model.metadata_props.add(key=KEY + key, value=str(value))
    data = model.SerializeToString()
    if out.suffix == SUFFIX:
        _write(out, data)
        return out
    card = {
        "canceller": f"{OnnxModel.__module__}:{OnnxModel.__qualname__}",
        "summary": f"{name} as an ONNX model{', weights of 8 bits' if int8 else ''}",
        "weights": FILE,
        "sha256": sha256(data),
    }
    _write(out / FILE, data)
    write_card(out, card)
    return out


def _write(path: Path, data: bytes) -> None:
    new_folder(path.parent)
    with whole_file(path) as part:
        part.write_bytes(data)


def _facts(canceller: FramewiseCanceller, name: str) -> Facts:
    counted = cost(canceller)
    return Facts(
        system=name,
        sample_rate=canceller.network.config.sample_rate,
        latency=canceller.latency,
        delay=canceller.delay,
        parameters=sum(p.numel() for p in canceller.network.parameters()),
        macs=math.nan if counted is None else counted.macs,
        version=__version__,
    )


def _recorded(canceller: FramewiseCanceller) -> Any:
    """Return the model, an onnx.ModelProto. Raises MissingExtra."""
    try:
        from onnx_ir.passes import common as passes
        from onnxscript.optimizer import fold_constants

        from aecbench.cancellers.deep.export.tidy import remove_detours
    except ImportError:
        raise MissingExtra("onnxscript", "onnx") from None
    block = Block(canceller).eval()
    inputs = (torch.zeros(canceller.block), torch.zeros(canceller.block), *block.zeros)
    with torch.no_grad():
        program = torch.export.export(block, inputs).run_decompositions({})
        exported: Any = torch.onnx.export(
            torch.export.export(InReal(program), inputs),
            inputs,
            dynamo=True,
            verbose=False,
            optimize=False,
            opset_version=OPSET,
            input_names=["mic", "far", *(f"state.{name}" for name in block.names)],
            output_names=["out", *(f"next.{name}" for name in block.names)],
        )
    # The exporter's own optimiser would take constants below 1e-8 for zero, and omit them
    model = passes.InlinePass()(exported.model).model
    fold_constants(model, onnx_shape_inference=True)
    remove_detours(model)
    constants = passes.LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)
    for tidy in (passes.RemoveUnusedNodesPass(), constants, passes.DeduplicateInitializersPass(LARGEST)):
        model = tidy(model).model
    exported.model = model
    proto = exported.model_proto
    for node in proto.graph.node:
        del node.metadata_props[:]  # the place in our code that it came from: many times its own size
    del proto.graph.value_info[:]
    return proto


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress messages of exporter and quantiser that are for their own developers."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _leaves(state: Any, name: str = "") -> Iterator[tuple[str, Tensor]]:
    """Yield the values of a state, nested tuples, by name: "network.filter.weights"."""
    if isinstance(state, tuple):
        fields = getattr(state, "_fields", range(len(state)))
        for field, value in zip(fields, state, strict=True):
            yield from _leaves(value, f"{name}.{field}" if name else str(field))
    elif state is not None:
        yield name, torch.as_tensor(state)


def _like(state: Any, leaves: Iterator[Tensor]) -> Any:
    """Return a state of the same form and types with other values, given as float32."""
    if isinstance(state, tuple):
        values = [_like(value, leaves) for value in state]
        return getattr(state, "_make", tuple)(values)
    if state is None:
        return None
    kind = torch.as_tensor(state).dtype
    return torch.complex(*next(leaves)) if kind.is_complex else next(leaves).to(kind)


def _real(value: Tensor) -> Tensor:
    return torch.stack([value.real, value.imag]) if value.is_complex() else value


def _narrow(value: Tensor) -> Tensor:
    """Return a value with one entry on each axis along which its entries are the same."""
    for axis in range(value.ndim):
        first = value.narrow(axis, 0, 1)
        value = first if (value == first).all() else value
    return value
