"""A canceller in one file: a frequency-domain adaptive filter (overlap-save, constrained)."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class MyCanceller:
    """Fields are parameters: a card may set them."""

    block: int = 1024  # samples; also the length of the filter
    step_size: float = 0.5

    @property
    def latency(self) -> int:
        """Samples of the future that an output sample needs: the rest of its block."""
        return self.block - 1

    def cancel(self, mic, far):
        """Remove the echo of far from mic, both [..., T], and return float32 [..., T]."""
        n, length = self.block, mic.shape[-1]
        around, rest = [(0, 0)] * (mic.ndim - 1), -length % n
        mic, far = np.pad(mic, [*around, (0, rest)]), np.pad(far, [*around, (n, rest)])
        path = np.zeros((*mic.shape[:-1], n + 1), complex)
        power = np.full(path.shape, 1e-3)
        out = np.empty(mic.shape, np.float32)
        for start in range(0, mic.shape[-1], n):
            x = np.fft.rfft(far[..., start : start + 2 * n])
            power = np.maximum(np.abs(x) ** 2, 0.9 * power)
            error = mic[..., start : start + n] - np.fft.irfft(path * x)[..., n:]
            e = np.fft.rfft(np.concatenate([np.zeros_like(error), error], -1))
            step = np.fft.irfft(x.conj() * e / (power + 1e-3))
            step[..., n:] = 0  # the response of a room is causal
            path = path + self.step_size * np.fft.rfft(step)
            out[..., start : start + n] = error
        return out[..., :length]
