"""Layers of networks for some frames: channels first, then bands that share the weights. Signals are float32."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers.deep.inference.products import Rows, product, rows
from aecbench.cancellers.deep.inference.weights import Weights
from aecbench.cancellers.kernels.compile import reassociated

__all__ = ["GRU", "LSTM", "Float32", "Linear", "Memory", "Spread", "gru", "linear", "lstm", "relu", "sigmoid"]

Float32 = NDArray[np.float32]
Matrix = Rows | Float32  # rows where it multiplies vectors


class Memory(NamedTuple):
    """The memory of an LSTM."""

    hidden: Float32  # [N, H, B]
    cell: Float32  # [N, H, B]


class Linear(NamedTuple):
    """A fully connected layer."""

    weight: Matrix  # [out, in]
    bias: Float32  # [out, 1]

    def __call__(self, x: Float32) -> Float32:
        """Map [..., in, B] to [..., out, B]."""
        y = product(self.weight, x)
        y += self.bias
        return y


class Spread(NamedTuple):
    """From overlapping bands to bins, which get a mixture of the two bands in which they lie: see bands.between."""

    lower: NDArray[np.int64]  # [F]
    share: Float32  # [F]

    def __call__(self, x: Float32) -> Float32:
        """Map [..., B] to [..., F]."""
        y = np.empty((*x.shape[:-1], self.lower.size), np.float32)
        _spread(x.reshape(-1, x.shape[-1]), self.lower, self.share, y.reshape(-1, self.lower.size))
        return y


class GRU(NamedTuple):
    """A layer of gated recurrent units. Rows are those of the reset gate, the update gate, and the candidate.

    Rows of gates are halved, because a gate is computed as 1/2 + tanh(x / 2) / 2.
    """

    weight: Matrix  # [3 H, in] of the input
    recurrent: Matrix  # [3 H, H]
    bias: Float32  # [3 H, 1] of the input; of both for the gates
    recurrent_bias: Float32  # [H, 1] of the candidate

    def __call__(self, x: Float32, hidden: Float32) -> Float32:
        """Return the output for x [N, in, B]: `hidden` [N, H, B], which is carried on in place."""
        units = hidden.shape[1]
        new, old = product(self.weight, x), product(self.recurrent, hidden)
        new += self.bias
        gates, candidate = new[:, : 2 * units], old[:, 2 * units :]
        gates += old[:, : 2 * units]
        _gates(np.tanh(gates, out=gates))
        candidate += self.recurrent_bias
        candidate *= gates[:, :units]
        candidate += new[:, 2 * units :]
        np.tanh(candidate, out=candidate)
        hidden -= candidate
        hidden *= gates[:, units:]
        hidden += candidate
        return hidden


class LSTM(NamedTuple):
    """A layer of long short-term memory. Rows are those of input gate, forget gate, output gate, and candidate.

    Rows of gates are halved, as those of a GRU.
    """

    weight: Matrix  # [4 H, in] of the input
    recurrent: Matrix  # [4 H, H]
    bias: Float32  # [4 H, 1] of both

    def __call__(self, x: Float32, memory: Memory) -> Float32:
        """Return the outputs for x [T, N, in, B]: hidden states [T, N, H, B]. The memory is carried on in place."""
        hidden, cell = memory
        units = hidden.shape[1]
        inputs, outputs = product(self.weight, x), np.empty((len(x), *hidden.shape), np.float32)
        inputs += self.bias
        for z, output in zip(inputs, outputs, strict=True):
            z += product(self.recurrent, hidden)
            np.tanh(z, out=z)
            gates, candidate = _gates(z[:, : 3 * units]), z[:, 3 * units :]
            candidate *= gates[:, :units]
            cell *= gates[:, units : 2 * units]
            cell += candidate
            np.tanh(cell, out=output)
            output *= gates[:, 2 * units :]
            hidden[:] = output
        return outputs


def linear(weights: Weights, inputs: int, outputs: int, *, shared: bool = False, smooth: bool = False) -> Linear:
    """Take the weights of a torch.nn.Linear; `shared` by several bands (B > 1), or for vectors (B = 1).

    Those for vectors are rounded; `smooth`: neighbouring inputs are alike.
    """
    weight, bias = weights.take("weight", outputs, inputs), weights.take("bias", outputs)
    return Linear(weight if shared else rows(weight, smooth=smooth), bias[:, None])


def gru(weights: Weights, inputs: int, units: int) -> GRU:
    """Take the weights of a torch.nn.GRU of one layer, shared by several bands."""
    weight, recurrent, bias, recurrent_bias = _recurrent(weights, 0, inputs, units, [0, 1, 2])
    bias[: 2 * units] += recurrent_bias[: 2 * units]
    return GRU(weight, recurrent, bias, recurrent_bias[2 * units :])


def lstm(weights: Weights, inputs: int, units: int, layer: int = 0, *, shared: bool = False) -> LSTM:
    """Take the weights of a layer of a torch.nn.LSTM, as `linear` does."""
    weight, recurrent, bias, recurrent_bias = _recurrent(weights, layer, inputs, units, [0, 1, 3, 2])
    if shared:
        return LSTM(weight, recurrent, bias + recurrent_bias)
    return LSTM(rows(weight), rows(recurrent), bias + recurrent_bias)


def _recurrent(weights: Weights, layer: int, inputs: int, units: int, order: list[int]) -> list[Float32]:
    """Return weight, recurrent weight and both biases of a recurrent layer of torch, with halved rows of its gates.

    `order` says which block of rows in torch is which one here, with the candidate in the end.
    """
    blocks, arrays = len(order), []
    scale = np.where(np.arange(blocks) < blocks - 1, np.float32(0.5), np.float32(1))[:, None, None]
    for name, columns in {"weight_ih": [inputs], "weight_hh": [units], "bias_ih": [], "bias_hh": []}.items():
        array = weights.take(f"{name}_l{layer}", blocks * units, *columns)
        arrays.append((scale * array.reshape(blocks, units, -1)[order]).reshape(blocks * units, -1))
    return arrays


def _gates(z: Float32) -> Float32:
    """Return 1/2 + z / 2, in place."""
    z *= 0.5
    z += 0.5
    return z


def sigmoid(x: Float32) -> Float32:
    """Return 1 / (1 + exp(-x)) in place, in a form that does not overflow."""
    x *= 0.5
    return _gates(np.tanh(x, out=x))


def relu(x: Float32) -> Float32:
    """Return max(x, 0), in place."""
    return np.maximum(x, 0, out=x)


@reassociated
def _spread(x: Float32, lower: NDArray[np.int64], share: Float32, y: Float32) -> None:
    for m in range(x.shape[0]):
        for k in range(lower.size):
            y[m, k] = share[k] * x[m, lower[k]] + (np.float32(1) - share[k]) * x[m, lower[k] + 1]
