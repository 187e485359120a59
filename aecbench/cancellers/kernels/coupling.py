"""How strongly loudspeaker and microphone are coupled, from block powers alone: the scale an adaptive filter needs.

The power gain g of the echo path is the least-squares fit of microphone power to far-end power, g = sum(m f) / sum(f²).
A loud block of the far end counts much, a silent one nothing, so near-end speech in the pauses leaves g alone; during
double talk g is too high by the ratio of near end to echo. The two sums are zero at the start.
"""

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers.kernels.compile import reassociated

__all__ = ["DOUBT", "FORGET", "HIGHEST", "LOWEST", "observe", "power_gain"]

FORGET = 1 - 4e-5  # per sample: 1.6 s at 16 kHz
DOUBT = 1e-5  # keeps the gain low until the far end has been loud; weighs as much as a steady far end at -47 dBFS
LOWEST, HIGHEST = 1e-3, 100.0


@reassociated
def observe(sums: NDArray[np.float32], mic_energy: np.float32, far_power: np.float32, samples: int) -> None:
    """Add a block to the sums [2]: the energy of its `samples` at the microphone, and the mean power of the far end."""
    sums *= np.float32(FORGET**samples)
    sums[0] += mic_energy * far_power
    sums[1] += np.float32(samples) * far_power * far_power


@reassociated
def power_gain(sums: NDArray[np.float32], lowest: float) -> np.float32:
    """Return the power gain from `lowest`, -30 dB for an echo not yet heard, to +20 dB; more is not credible.

    >>> sums = np.zeros(2, np.float32)
    >>> bool(power_gain(sums, LOWEST) == np.float32(LOWEST))
    True
    >>> observe(sums, np.float32(0.02 * 16_000), np.float32(0.1), 16_000)
    >>> bool(abs(power_gain(sums, LOWEST) - 0.2) < 1e-3)
    True
    """
    return np.float32(min(max(sums[0] / (sums[1] + DOUBT), lowest), HIGHEST))
