"""A network in one file: any module that maps spectra to a mask, and the class that lets `aecbench train` train it."""

import torch

from aecbench.cancellers.deep.framewise import FramewiseNetwork
from aecbench.cancellers.deep.losses.objective import compressed_spectra
from aecbench.cancellers.deep.parts.stft import signal


class Mask(torch.nn.Module):
    """Your module: magnitudes of both spectra [N, T, 2 F] and a state -> mask [N, T, F] and the state after them."""

    def __init__(self, bins, hidden=96):
        super().__init__()
        self.rnn = torch.nn.GRU(2 * bins, hidden, batch_first=True)
        self.out = torch.nn.Linear(hidden, bins)

    def forward(self, magnitudes, state):
        x, state = self.rnn(torch.log10(magnitudes + 1e-4), state)
        return torch.sigmoid(self.out(x)), state


class MyNetwork(FramewiseNetwork):
    """The template."""

    def __init__(self, config):
        super().__init__(config)
        self.mask = Mask(config.n_fft // 2 + 1)

    def initial(self, mic):  # the state before the first frame
        return mic.real.new_zeros(1, len(mic), self.mask.rnn.hidden_size)

    def frames(self, spectra, state):  # [2, N, T, F] of microphone and far end -> output [N, T, F]
        mask, state = self.mask(spectra.abs().permute(1, 2, 0, 3).flatten(2), state)
        return mask * spectra[0], state

    def loss(self, batch):
        spectra = self.spectra(batch.mic, batch.far)
        output, _ = self.frames(spectra, self.initial(spectra[0]))
        estimate = signal(output, self.config.hop_length, batch.mic.shape[-1])
        target = batch.near + batch.noise if self.config.mode == "echo_only" else batch.near
        loss = compressed_spectra(target, estimate).mean()
        return loss, {"spectra": loss.detach()}
