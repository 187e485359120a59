"""Hum and hiss, of power 1."""

import numpy as np


def hum(rng, length, rate):
    """Float32 [length] that comes from the generator `rng` alone."""
    phase = rng.uniform(0, 2 * np.pi)
    tone = np.sin(2 * np.pi * 100 * np.arange(length) / rate + phase)
    x = tone + 0.1 * rng.standard_normal(length)
    return (x / np.sqrt(np.mean(x**2))).astype(np.float32)
