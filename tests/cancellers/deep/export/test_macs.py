"""The multiplications of networks, by hand and by the counter."""

from typing import ClassVar

import torch
from torch import nn

from aecbench.cancellers.abilities import cost, transform
from aecbench.cancellers.deep.base import NetworkConfig
from aecbench.cancellers.deep.export.macs import frame_macs, network_count
from aecbench.cancellers.deep.framewise import FramewiseNetwork
from aecbench.cancellers.deep.layers.subband_nlms import SubbandNLMS
from aecbench.cancellers.kalman import Kalman

BINS = 33


class Mask(FramewiseNetwork):
    """A gain per bin from an LSTM."""

    Config: ClassVar[type[NetworkConfig]] = NetworkConfig

    def __init__(self, config):
        super().__init__(config)
        self.lstm = nn.LSTM(2 * BINS, 20, batch_first=True)
        self.out = nn.Linear(20, BINS)

    def initial(self, mic):
        """The LSTM's memory."""
        zeros = mic.real.new_zeros(1, mic.shape[0], 20)
        return zeros, zeros

    def frames(self, spectra, state):
        """The microphone times the gain."""
        mic, far = spectra[0], spectra[1]
        seen = torch.cat([mic, far], -1)
        out, state = self.lstm(seen.real.square() + seen.imag.square(), state)
        return torch.sigmoid(self.out(out)) * mic, state

    def loss(self, batch):
        """Not trained."""
        raise NotImplementedError


class Fronted(Mask):
    """A Kalman filter in front."""

    @property
    def front(self):
        """Of the hop."""
        return Kalman(block=16, taps=64)


class Adaptive(Mask):
    """And an adaptive layer behind."""

    def initial(self, mic):
        """Both memories."""
        return super().initial(mic), SubbandNLMS(5).init(mic)

    def frames(self, spectra, state):
        """The filter's error."""
        memory, weights = state
        mic, memory = super().frames(spectra, memory)
        out = SubbandNLMS(5)(spectra[1], mic, torch.ones_like(mic.real), weights)
        return out.error, (memory, out.state)


CONFIG = NetworkConfig(n_fft=64, hop_length=16)
# gates: 4 x 20 units of inputs and of the last output; cell: forget x cell, input x candidate, output x state; a linear
# layer; squares of two parts of two spectra; a complex number times a gain
BY_HAND = 80 * (2 * BINS + 20) + 3 * 20 + 20 * BINS + 2 * 2 * BINS + 2 * BINS


def test_a_recurrent_network_by_hand():
    canceller = Mask(CONFIG).canceller()
    assert frame_macs(canceller.network, 2) == BY_HAND
    parameters = 4 * 20 * (2 * BINS + 20 + 2) + 21 * BINS
    assert network_count(canceller.network, 2) == (parameters, (BY_HAND + 3 * transform(64)) / 16)
    assert cost(canceller) == network_count(canceller.network, 2)


def test_the_filter_in_front_is_added_with_its_transform():
    canceller = Fronted(CONFIG).canceller()
    more = cost(canceller).macs - cost(Mask(CONFIG).canceller()).macs
    assert more == cost(Kalman(block=16, taps=64)).macs + transform(64) / 16


def test_an_adaptive_layer_by_hand():
    """Per tap: 2 power, 4 echo, 4 update. Per bin: 2 error times step."""
    more = frame_macs(Adaptive(CONFIG), 2) - BY_HAND
    assert more == (10 * 5 + 2) * BINS


def test_counting_changes_no_network():
    canceller = Mask(CONFIG).canceller()
    before = {name: value.clone() for name, value in canceller.network.state_dict().items()}
    frame_macs(canceller.network, 2)
    for name, value in canceller.network.state_dict().items():
        assert value.device.type == "cpu"
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
