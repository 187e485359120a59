"""Parts that a main and a shadow filter on one far end share: gain fit, disturbance, and exchange.

K. Ochiai, T. Araseki, T. Ogihara, "Echo canceler with two echo path models", IEEE Transactions on Communications 25(6),
1977: one filter learns while the other cancels, and weights go over to the one that cancels worse. Here the main filter
is the first, number 0, and the shadow the second, number 1.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers.kernels.compile import reassociated

__all__ = ["CERTAIN", "MAIN", "SHADOW", "better", "disturbance", "disturbances", "fit_gain", "hand_over"]

MAIN, SHADOW = 0, 1
CERTAIN = 0.1  # of the error power is never counted as residual echo
TINY = np.float32(1e-10)

Float32 = NDArray[np.float32]


@reassociated
def fit_gain(
    mic: Float32, y: Float32, sums: Float32, memory: float, fraction: float, audible: np.float32
) -> np.float32:
    """Return the factor 1 + <y, e> / <y, y> of the echo estimate y [B] where that takes much off the error, or else 1.

    `sums` [3] are the products y.e, y.y and e.e with the error e, smooth over blocks with `memory`. The factor has to
    take the `fraction` off the error power, and y has to have more than the `audible` energy: far below the expected
    one it is the beginning or the end of an echo and says nothing about the rest. Then the sums start again from 0.
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
    """Return the power of near end and noise in an error, for the powers of the error and of the residual echo in it.

    To deduct all of the residual echo is fast but fragile, none of it slow: half of it is deducted. Numbers or arrays.
    """
    return np.maximum(error - np.float32(0.5) * residual, np.float32(CERTAIN) * error)


disturbance = reassociated(disturbances)  # of numbers, for kernels; whole arrays take a second to compile


@reassociated
def better(error: Float32, take_over: float, give_back: float) -> int:
    """Return which filter has to teach the other, or -1 for none, from their error powers [2].

    The shadow teaches with an error below `take_over` of the main filter's, the main filter where the shadow's error is
    more than `give_back` times its own.
    """
    if error[SHADOW] < np.float32(take_over) * error[MAIN]:
        return SHADOW
    return MAIN if error[SHADOW] > np.float32(give_back) * error[MAIN] else -1


@reassociated
def hand_over(values: NDArray[Any], teacher: int) -> None:
    """Replace the values [2, ...] of one filter by those of the other."""
    flat, size = values.flat, values.size // 2
    for i in range(size):
        flat[(1 - teacher) * size + i] = flat[teacher * size + i]
