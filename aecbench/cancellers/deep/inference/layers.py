"""Layers of networks for some frames: channels first, then bands that share the weights. All of them are float32."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers.deep.inference.products import product
from aecbench.cancellers.deep.inference.weights import Weights

__all__ = ["GRU", "LSTM", "Float32", "Linear", "Memory", "gru", "linear", "lstm", "relu", "sigmoid"]

Float32 = NDArray[np.float32]


class Memory(NamedTuple):
    """The memory of an LSTM."""

    hidden: Float32  # [N, H, B]
    cell: Float32  # [N, H, B]


class Linear(NamedTuple):
    """A fully connected layer."""

    weight: Float32  # [out, in]
    bias: Float32  # [out, 1]

    def __call__(self, x: Float32) -> Float32:
        """Map [..., in, B] to [..., out, B]."""
        y = product(self.weight, x)
        y += self.bias
        return y


class GRU(NamedTuple):
    """A layer of gated recurrent units. Rows are those of the reset gate, the update gate, and the candidate."""

    weight: Float32  # [3 H, in] of the input
    recurrent: Float32  # [3 H, H]
    bias: Float32  # [3 H, 1] of the input
    recurrent_bias: Float32  # [3 H, 1]

    def __call__(self, x: Float32, hidden: Float32) -> Float32:
        """Return the output for x [N, in, B]: `hidden` [N, H, B], which is carried on in place."""
        units = hidden.shape[1]
        new, old = product(self.weight, x), product(self.recurrent, hidden)
        new += self.bias
        old += self.recurrent_bias
        gates = sigmoid(np.add(new[:, : 2 * units], old[:, : 2 * units]))
        candidate = old[:, 2 * units :]
        candidate *= gates[:, :units]
        candidate += new[:, 2 * units :]
        np.tanh(candidate, out=candidate)
        hidden -= candidate
        hidden *= gates[:, units:]
        hidden += candidate
        return hidden


class LSTM(NamedTuple):
    """A layer of long short-term memory. Rows are those of input gate, forget gate, candidate, and output gate.

    All rows share one hyperbolic tangent: a gate is scale * tanh(scale * x) + offset, as in `sigmoid`.
    """

    weight: Float32  # [4 H, in] of the input
    recurrent: Float32  # [4 H, H]
    bias: Float32  # [4 H, 1] of both
    scale: Float32  # [4 H, 1] 1/2; 1 for the candidate
    offset: Float32  # [4 H, 1] 1/2; 0 for the candidate

    def __call__(self, x: Float32, memory: Memory) -> Float32:
        """Return the outputs for x [T, N, in, B]: hidden states [T, N, H, B]. The memory is carried on in place."""
        hidden, cell = memory
        units = hidden.shape[1]
        inputs, outputs = product(self.weight, x), np.empty((len(x), *hidden.shape), np.float32)
        for z, output in zip(inputs, outputs, strict=True):
            z += product(self.recurrent, hidden)
            z += self.bias
            z *= self.scale
            np.tanh(z, out=z)
            z *= self.scale
            z += self.offset
            candidate = z[:, 2 * units : 3 * units]
            candidate *= z[:, :units]
            cell *= z[:, units : 2 * units]
            cell += candidate
            np.tanh(cell, out=hidden)
            hidden *= z[:, 3 * units :]
            output[:] = hidden
        return outputs


def linear(weights: Weights, inputs: int, outputs: int) -> Linear:
    """Take the weights of a torch.nn.Linear."""
    return Linear(weights.take("weight", outputs, inputs), weights.take("bias", outputs)[:, None])


def gru(weights: Weights, inputs: int, units: int) -> GRU:
    """Take the weights of a torch.nn.GRU of one layer."""
    matrices = weights.take("weight_ih_l0", 3 * units, inputs), weights.take("weight_hh_l0", 3 * units, units)
    return GRU(*matrices, *(weights.take(f"bias_{of}_l0", 3 * units)[:, None] for of in ("ih", "hh")))


def lstm(weights: Weights, inputs: int, units: int, layer: int = 0) -> LSTM:
    """Take the weights of a layer of a torch.nn.LSTM."""
    scale = np.repeat(np.array([0.5, 0.5, 1, 0.5], np.float32), units)[:, None]
    return LSTM(
        weights.take(f"weight_ih_l{layer}", 4 * units, inputs),
        weights.take(f"weight_hh_l{layer}", 4 * units, units),
        np.add(*(weights.take(f"bias_{of}_l{layer}", 4 * units)[:, None] for of in ("ih", "hh"))),
        scale,
        1 - scale,
    )


def sigmoid(x: Float32) -> Float32:
    """Return 1 / (1 + exp(-x)) in place, in a form that does not overflow."""
    x *= 0.5
    np.tanh(x, out=x)
    x *= 0.5
    x += 0.5
    return x


def relu(x: Float32) -> Float32:
    """Return max(x, 0), in place."""
    return np.maximum(x, 0, out=x)
