"""What a framewise network tells of its decisions."""

import numpy as np
import pytest
import torch

from aecbench.cancellers.base import Explains
from aecbench.cancellers.deep.base import NetworkConfig
from aecbench.cancellers.deep.framewise import FramewiseNetwork
from aecbench.errors import AudioError

T = 10_000


class Silent(FramewiseNetwork):
    """Lets the microphone through."""

    Config = NetworkConfig

    def initial(self, mic):
        return ()

    def frames(self, spectra, state):
        return spectra[0], state

    def loss(self, batch):
        return torch.zeros(()), {}


class Talkative(Silent):
    """Tells the power of the far end, and the microphone's spectrum."""

    def decisions(self, spectra, state):
        return {"power": spectra[1].abs().square(), "mic": spectra[0]}


@pytest.mark.parametrize(("n_fft", "hop"), [(512, 256), (1024, 256), (512, 128)])
def test_a_decision_is_told_where_it_happens(n_fft, hop):
    canceller = Talkative(NetworkConfig(n_fft=n_fft, hop_length=hop)).canceller()
    mic, far = np.zeros(T, np.float32), np.zeros(T, np.float32)
    far[12 * hop] = 1
    told = canceller.inspect(mic, far)
    assert isinstance(canceller, Explains)
    assert told["power"].shape == told["mic"].shape == (-(-T // hop), n_fft // 2 + 1)
    assert told["power"].sum(-1).argmax() == 12
    assert np.iscomplexobj(told["mic"])
    assert not told["mic"].any()


def test_a_network_that_does_not_tell_decides_nothing():
    canceller = Silent(NetworkConfig()).canceller()
    assert canceller.inspect(np.zeros(T, np.float32), np.zeros(T, np.float32)) == {}


def test_what_is_not_finite_is_refused():
    canceller, far = Talkative(NetworkConfig()).canceller(), np.where(np.arange(T) == 5, np.nan, 0)
    with pytest.raises(AudioError, match="sample 5 of far"):
        canceller.inspect(np.zeros(T, np.float32), far)
