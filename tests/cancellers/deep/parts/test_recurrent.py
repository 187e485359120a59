"""A single frame takes another way than several; the result has to be the same."""

import pytest
import torch
from torch import nn

from aecbench.cancellers.deep.parts.recurrent import gru, lstm


def frame_by_frame(run, layer, x, memory):
    parts = []
    for t in range(x.shape[1]):
        out, memory = run(layer, x[:, t : t + 1], memory)
        parts.append(out)
    return torch.cat(parts, 1), memory


@pytest.mark.parametrize("layers", [1, 2])
def test_lstm_frame_by_frame_is_all_frames_at_once(layers):
    torch.manual_seed(0)
    layer, x = nn.LSTM(5, 7, layers, batch_first=True), torch.randn(3, 6, 5)
    memory = torch.randn(layers, 3, 7), torch.randn(layers, 3, 7)
    with torch.no_grad():
        torch.testing.assert_close(frame_by_frame(lstm, layer, x, memory), layer(x, memory))


def test_gru_frame_by_frame_is_all_frames_at_once():
    torch.manual_seed(0)
    layer, x, memory = nn.GRU(5, 7, batch_first=True), torch.randn(3, 6, 5), torch.randn(1, 3, 7)
    torch.testing.assert_close(frame_by_frame(gru, layer, x, memory), layer(x, memory))


def test_single_frames_have_gradients():
    layer, x = nn.LSTM(5, 7, batch_first=True), torch.randn(3, 1, 5)
    out, _ = lstm(layer, x, (torch.zeros(1, 3, 7), torch.zeros(1, 3, 7)))
    out.sum().backward()
    assert layer.weight_ih_l0.grad.abs().sum() > 0
