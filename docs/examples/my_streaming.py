"""A streaming canceller: NLMS in every bin of a short-time Fourier transform, with overlap-add."""

from dataclasses import dataclass

import numpy as np

from aecbench import Streaming


@dataclass(frozen=True)
class MyStreaming(Streaming):
    """Fields are parameters. The state is a tuple of arrays, and `step` returns new ones."""

    block: int = 256  # samples per step; a frame has two blocks
    taps: int = 8  # frames of the far end in each bin's filter
    step_size: float = 0.3

    @property
    def delay(self) -> int:
        """Overlap-add: a block is complete one step later, when the second frame that covers it has been added."""
        return self.block

    @property
    def latency(self) -> int:
        """The first sample of a frame depends on its last one, 2 * block - 1 samples later."""
        return 2 * self.block - 1

    def init(self, batch):
        """Return the last blocks of mic and far, the past spectra of far, the filters, and the unfinished output."""
        spectra = np.zeros((*batch, self.taps, self.block + 1), complex)
        last = np.zeros((*batch, self.block))
        return last, last, spectra, spectra, last

    def step(self, state, mic, far):
        """Remove the echo of far from one block of mic, both [..., block]."""
        last_mic, last_far, past, filters, unfinished = state
        window = np.sin(np.pi * (np.arange(2 * self.block) + 0.5) / (2 * self.block))
        y, x = (np.fft.rfft(window * np.concatenate(pair, -1)) for pair in ((last_mic, mic), (last_far, far)))
        past = np.concatenate([x[..., None, :], past[..., :-1, :]], -2)
        error = y - (filters * past).sum(-2)
        power = (np.abs(past) ** 2).sum(-2) + 1e-3
        filters = filters + self.step_size * past.conj() * (error / power)[..., None, :]
        out = window * np.fft.irfft(error)
        done = (unfinished + out[..., : self.block]).astype(np.float32)
        return (mic.copy(), far.copy(), past, filters, out[..., self.block :]), done
