"""Recurrent layers over frames that are also fast for a single frame.

A single frame without gradients is processed by torch's function for one cell, because torch's layers repack their
weights on every call.
"""

import torch
from torch import Tensor, nn

__all__ = ["gru", "lstm"]


def lstm(layers: nn.LSTM, x: Tensor, memory: tuple[Tensor, Tensor]) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Run LSTM layers: x [N, T, in], memory [layers, N, hidden] -> [N, T, hidden], memory after the last frame."""
    if x.shape[1] > 1 or torch.is_grad_enabled():
        out, after = layers(x, memory)
        return out, after
    h, states = x[:, 0], []
    for weights, *before in zip(layers.all_weights, *memory, strict=True):
        h, c = torch.lstm_cell(h, before, *weights)
        states.append((h, c))
    if len(states) == 1:
        return h[:, None], (h[None], c[None])
    hidden, cells = (torch.stack(z) for z in zip(*states, strict=True))
    return h[:, None], (hidden, cells)


def gru(layer: nn.GRU, x: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
    """Run one GRU layer: x [N, T, in], memory [1, N, hidden] -> [N, T, hidden], memory after the last frame."""
    if x.shape[1] > 1:
        out, after = layer(x, memory)
        return out, after
    h = torch.gru_cell(x[:, 0], memory[0], *layer.all_weights[0])
    return h[:, None], h[None]
