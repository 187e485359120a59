"""Operations on a pair of a main and a shadow filter: gain fit, disturbance, and exchange.

K. Ochiai, T. Araseki, T. Ogihara, "Echo canceler with two echo path models", IEEE Transactions on Communications 25(6),
1977: one filter adapts while the other cancels, and the weights of the better one are copied to the other. Here both
filters adapt; the main filter has the index 0 and the shadow filter the index 1.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers.kernels.compile import inlined, reassociated

__all__ = ["CERTAIN", "MAIN", "SHADOW", "better", "disturbance", "disturbances", "fit_gain", "transfer"]

MAIN, SHADOW = 0, 1
CERTAIN = 0.1  # at least this fraction of the error power counts as near end and noise, not residual echo
TINY = np.float32(1e-10)

Float32 = NDArray[np.float32]


@inlined
def fit_gain(
    mic: Float32, y: Float32, sums: Float32, memory: float, fraction: float, audible: np.float32
) -> np.float32:
    """Return the least-squares gain 1 + <y, e> / <y, y> of the echo estimate y [B] if it clearly helps, or else 1.

    `sums` [3] are the products y.e, y.y and e.e with the error e = mic - y, accumulated over blocks with the forgetting
    factor `memory`. The gain clearly helps if it reduces the error power by more than `fraction` of it, and if the
    energy of y exceeds `audible`: an echo estimate far below the expected energy is the onset or the tail of an echo,
    which says nothing about the rest. When a gain is returned, the sums are reset to 0. The gain is negative if mic and
    y are in opposite phase.
    """
    ye, yy, ee = np.float32(0), np.float32(0), np.float32(0)
    for t in range(y.size):
        e = mic[t] - y[t]
        ye += y[t] * e
        yy += y[t] * y[t]
        ee += e * e
    sums *= np.float32(memory)
    sums[0] += ye
    sums[1] += yy
    sums[2] += ee
    factor = np.float32(1)
    explains = sums[0] ** 2 > np.float32(fraction) * sums[1] * sums[2] and ye * sums[0] > 0
    if explains and sums[1] > TINY and yy > audible:
        factor += sums[0] / sums[1]
        sums[:] = 0
    return factor


def disturbances(error: Any, residual: Any) -> Any:
    """Return the power of near end and noise, from the power of the error and the expected power of its residual echo.

    Half of the residual echo is subtracted: subtracting all of it adapts fast but is not robust, subtracting none is
    slow. The result is at least CERTAIN times the error power. Takes numbers or arrays.
    """
    return np.maximum(error - np.float32(0.5) * residual, np.float32(CERTAIN) * error)


disturbance = reassociated(disturbances)  # for numbers within kernels; compiling it for arrays would take a second


@inlined
def better(error: Float32, take_over: float, give_back: float) -> int:
    """Return the index of the filter whose state should replace the other's, or -1 for neither, from error powers [2].

    It is SHADOW if the shadow's error power is below `take_over` times the main filter's, and MAIN if the shadow's
    error power is above `give_back` times the main filter's.
    """
    if error[SHADOW] < np.float32(take_over) * error[MAIN]:
        return SHADOW
    return MAIN if error[SHADOW] > np.float32(give_back) * error[MAIN] else -1


@inlined
def transfer(values: NDArray[Any], source: int) -> None:
    """Copy the values [2, ...] of the filter with the index `source` over those of the other, in place."""
    flat, size = values.flat, values.size // 2
    for i in range(size):
        flat[(1 - source) * size + i] = flat[source * size + i]
