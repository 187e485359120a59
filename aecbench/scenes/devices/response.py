"""The loudspeaker's frequency response: resonance in its box below, cone and grille above.

The low end is the second-order high-pass of R. H. Small, "Closed-box loudspeaker systems, part 1: analysis", Journal of
the Audio Engineering Society 20(10), 1972.
"""

from aecbench.dsp.convolve import convolve
from aecbench.dsp.recursive import filtered, high_pass, low_pass
from aecbench.scenes.devices.device import Device, Range
from aecbench.signals import Array

__all__ = ["DEVICE", "measured", "response"]

FLAT = 0.7071  # Q of a Butterworth filter
HIGHEST = 0.49  # of the rate: a band edge above lies beyond the band


def response(x: Array, rate: int, resonance: float, q: float, edge: float) -> Array:
    """Filter x [..., T] by a high-pass that resonates at `resonance` Hz with gain `q`, and a low-pass.

    The low-pass is a second-order Butterworth with -3 dB at `edge` Hz; an edge beyond the band changes nothing.
    """
    sections = [high_pass(resonance, q, rate)]
    if edge < HIGHEST * rate:
        sections.append(low_pass(edge, FLAT, rate))
    return filtered(sections, x)


def measured(x: Array, impulse_response: Array) -> Array:
    """Filter x [..., T] by a measured loudspeaker, given as its impulse response [L] at the rate of x."""
    return convolve(x, impulse_response)


DEVICE = Device(
    response,
    {
        "resonance": Range(300.0, 50.0, 1500.0),
        "q": Range(1.0, 0.3, 5.0),
        "edge": Range(7000.0, 1500.0, 24_000.0),
    },
    source="R. H. Small, Closed-box loudspeaker systems, part 1, J. AES 20(10), 1972",
)
