"""How strongly loudspeaker and microphone are coupled, from block powers alone: the scale an adaptive filter needs.

The power gain g of the echo path is the least-squares fit of microphone power to far-end power, g = sum(m f) / sum(f²).
A loud block of the far end counts much, a silent one nothing, so near-end speech in the pauses leaves g alone; during
double talk g comes out too high by the ratio of near end to echo.
"""

import numpy as np

from aecbench.signals import Array

__all__ = ["initial", "observe", "power_gain"]

FORGET = 1 - 4e-5  # per sample: 1.6 s at 16 kHz
DOUBT = 1e-5  # weight of the belief that there is no echo: as that of a steady far end at -47 dBFS
LOWEST, HIGHEST = 1e-3, 100.0


def initial(batch: tuple[int, ...]) -> Array:
    """The sums [..., 2] before anything was heard."""
    return np.zeros((*batch, 2), np.float32)


def observe(sums: Array, mic_power: Array, far_power: Array, samples: int) -> Array:
    """The sums after a block: powers are means over its `samples`, shape [...]."""
    block = np.stack([mic_power * far_power, far_power * far_power], -1) * np.float32(samples)
    return sums * np.float32(FORGET**samples) + block


def power_gain(sums: Array) -> Array:
    """The power gain [...], from -30 dB (nothing heard yet) to +20 dB (more is not credible).

    >>> steady = observe(initial(()), np.float32(0.02), np.float32(0.1), 16_000)
    >>> bool(abs(power_gain(steady) - 0.2) < 1e-3)
    True
    >>> bool(power_gain(initial(())) == np.float32(LOWEST))
    True
    """
    return np.clip(sums[..., 0] / (sums[..., 1] + np.float32(DOUBT)), LOWEST, HIGHEST)
