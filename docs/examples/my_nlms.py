"""NLMS, sample by sample, as in a textbook."""

import numpy as np


class MyNLMS:
    """The normalised least-mean-squares algorithm for one signal at a time."""

    latency = 0  # an output sample needs no later sample
    taps, step_size = 512, 0.5

    def cancel(self, mic, far):
        """Remove the echo of far from mic, both [..., T] -> [..., T]."""
        if mic.ndim > 1:
            return np.stack([self.cancel(m, f) for m, f in zip(mic, far, strict=True)])
        weights, past = np.zeros(self.taps), np.zeros(self.taps)
        out = np.empty_like(mic)
        for n in range(mic.size):
            past[1:], past[0] = past[:-1].copy(), far[n]  # the last samples of the far end, the newest first
            out[n] = mic[n] - weights @ past
            weights += self.step_size * out[n] * past / (past @ past + 1e-3)
        return out
