"""The coupling between loudspeaker and microphone, from block powers alone: the scale that an adaptive filter needs.

The power gain g of the echo path is the least-squares fit of microphone power m to far-end power f over the blocks,
g = sum(m f) / sum(f²). Blocks are thus weighted by the far-end power, and near-end speech during far-end silence does
not affect g. In double talk, g is too high by the factor 1 + near-end power / echo power. Both sums start at zero.
"""

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers.kernels.compile import reassociated

__all__ = ["DOUBT", "FORGET", "HIGHEST", "LOWEST", "observe", "power_gain"]

FORGET = 1 - 4e-5  # forgetting factor per sample: a time constant of 1.6 s at 16 kHz
DOUBT = 1e-5  # added to sum(f²): keeps the gain low until the far end has been active; equals a steady one at -47 dBFS
LOWEST, HIGHEST = 1e-3, 100.0  # limits of the power gain: -30 dB, +20 dB


@reassociated
def observe(sums: NDArray[np.float32], mic_energy: np.float32, far_power: np.float32, samples: int) -> None:
    """Add a block of `samples` samples to the sums [2]: energy at the microphone, mean power of the far end."""
    sums *= np.float32(FORGET**samples)
    sums[0] += mic_energy * far_power
    sums[1] += np.float32(samples) * far_power * far_power


@reassociated
def power_gain(sums: NDArray[np.float32], lowest: float) -> np.float32:
    """Return the power gain of the echo path, limited to `lowest` ... HIGHEST; it is `lowest` until echo is observed.

    >>> sums = np.zeros(2, np.float32)
    >>> bool(power_gain(sums, LOWEST) == np.float32(LOWEST))
    True
    >>> observe(sums, np.float32(0.02 * 16_000), np.float32(0.1), 16_000)
    >>> bool(abs(power_gain(sums, LOWEST) - 0.2) < 1e-3)
    True
    """
    return np.float32(min(max(sums[0] / (sums[1] + DOUBT), lowest), HIGHEST))
