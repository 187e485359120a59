"""Subband NLMS and its adjoint in numba, for subband_nlms.py, which has the equations.

Complex arrays come as pairs of real ones, one after the other: signals are [S, T, 2 F], weights [S, L, 2 F] with the
tap of the newest frame first. The reference x has L - 1 frames more, those before the first. A task is a block of bins
of one signal, carried through all frames in local buffers with real and imaginary parts apart, so that the inner loops
are plain vector code in cache. Threads share the tasks out; they write to nothing in common.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["adapt", "adapt_back", "tasks"]

LANES = 320  # bins of a task at most: its buffers stay in the second-level cache

Scalar = np.floating[Any]
Real = NDArray[Scalar]

_jit = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})


def tasks(signals: int, bins: int) -> int:
    """How many tasks there are; a kernel runs those from `first` up to but without `last`."""
    return signals * -(-bins // LANES)


@_jit
def adapt(
    x: Real,
    mic: Real,
    step_size: Real,
    weights: Real,
    checkpoints: Real,
    prior: Real,
    error: Real,
    delta: float,
    posterior: float,
    first: int,
    last: int,
) -> None:
    """Carry `weights` in place through all frames and fill in both errors, and the weights before every segment.

    `checkpoints` is [S, segments, L, 2 F]. `posterior` is 1 or 0; with 0, `prior` and `error` may be one array.
    """
    bins = step_size.shape[2]
    small, post = step_size.dtype.type(delta), step_size.dtype.type(posterior)
    taps, frames, segments = weights.shape[1], mic.shape[1], checkpoints.shape[1]
    segment = -(-frames // max(segments, 1))
    width = _width(bins)
    w, xs = _zeros((taps, 2, width), mic), _zeros((segment + taps - 1, 2, width), mic)
    e, u, power = _zeros((2, width), mic), _zeros((2, width), mic), _zeros((width,), mic)
    for task in range(first, last):
        s, low, high = _place(task, bins)
        _load(weights[s], low, high, w)
        for c in range(segments):
            start, stop = c * segment, min((c + 1) * segment, frames)
            _store(w, checkpoints[s, c], low, high)
            _load(x[s, start : stop + taps - 1], low, high, xs)
            for t in range(start, stop):
                newest = t - start + taps - 1
                _split(mic[s, t, 2 * low : 2 * high], e)
                _cancel(w, xs, newest, e, power)
                _join(e, prior[s, t, 2 * low : 2 * high])
                _correct(step_size[s, t, low:high], power, small, post, e, u)
                _join(e, error[s, t, 2 * low : 2 * high])
                _update(w, xs, newest, u)
        _store(w, weights[s], low, high)


@_jit
def adapt_back(
    x: Real,
    step_size: Real,
    checkpoints: Real,
    prior: Real,
    grad_error: Real,
    grad_weights: Real,
    grad_x: Real,
    grad_mic: Real,
    grad_step_size: Real,
    delta: float,
    posterior: float,
    detach: int,
    through_x: bool,
    first: int,
    last: int,
) -> None:
    """Carry `grad_weights` in place from the last weights back to the first and fill in the other gradients.

    `grad_x` has to be zeros; it is left alone, and the weights are not recovered, unless `through_x`.
    """
    bins = step_size.shape[2]
    small, post = step_size.dtype.type(delta), step_size.dtype.type(posterior)
    taps, frames, segments = grad_weights.shape[1], prior.shape[1], checkpoints.shape[1]
    segment = -(-frames // max(segments, 1))
    width = _width(bins)
    w, g = _zeros((segment + 1, taps, 2, width), prior), _zeros((taps, 2, width), prior)
    xs, gx = _zeros((segment + taps - 1, 2, width), prior), _zeros((segment + taps - 1, 2, width), prior)
    e, u, ge = _zeros((2, width), prior), _zeros((2, width), prior), _zeros((2, width), prior)
    power, gn = _zeros((width,), prior), _zeros((width,), prior)
    for task in range(first, last):
        s, low, high = _place(task, bins)
        _load(grad_weights[s], low, high, g)
        for c in range(segments - 1, -1, -1):
            start, stop = c * segment, min((c + 1) * segment, frames)
            _load(x[s, start : stop + taps - 1], low, high, xs)
            if through_x:
                gx[:] = 0
                _load(checkpoints[s, c], low, high, w[0])
                for t in range(start, stop):
                    i, newest = t - start, t - start + taps - 1
                    _power(xs, newest, taps, power)
                    _split(prior[s, t, 2 * low : 2 * high], e)
                    _correct(step_size[s, t, low:high], power, small, post, e, u)
                    w[i + 1] = w[i]
                    _update(w[i + 1], xs, newest, u)
            for t in range(stop - 1, start - 1, -1):
                i, newest = t - start, t - start + taps - 1
                _split(prior[s, t, 2 * low : 2 * high], e)
                _split(grad_error[s, t, 2 * low : 2 * high], ge)
                u[:] = 0
                _cancel(g, xs, newest, u, power)  # u is minus its gradient
                _correct_back(
                    step_size[s, t, low:high], power, small, post, e, u, ge, gn, grad_step_size[s, t, low:high]
                )
                _join(ge, grad_mic[s, t, 2 * low : 2 * high])
                if through_x:
                    _spread(w[i], g, xs, newest, u, ge, gn, gx)
                np.negative(ge, ge)
                _update(g, xs, newest, ge)
                if detach and t and t % detach == 0:
                    g[:] = 0
            if through_x:
                for i in range(stop - start + taps - 1):
                    _add(gx[i], grad_x[s, start + i, 2 * low : 2 * high])
        _store(g, grad_weights[s], low, high)


@_jit
def _place(task: int, bins: int) -> tuple[int, int, int]:
    """Signal, first bin and last bin + 1 of a task; the blocks of a signal are as even as can be."""
    blocks, width = -(-bins // LANES), _width(bins)
    low = task % blocks * width
    return task // blocks, low, min(low + width, bins)


@_jit
def _width(bins: int) -> int:
    """Bins of a task, up to whole cache lines."""
    even = -(-bins // max(-(-bins // LANES), 1))
    return -(-even // 16) * 16


@_jit
def _zeros(shape: tuple[int, ...], like: Real) -> Real:
    """Zeros of the type of `like` that begin at a cache line: vectors that straddle two take twice the time."""
    size = 1
    for n in shape:
        size *= n
    line = 64 // like.itemsize
    room = np.zeros(size + line, like.dtype)
    skip = -(room.ctypes.data // like.itemsize) % line
    return room[skip : skip + size].reshape(shape)


@_jit
def _load(pairs: Real, low: int, high: int, planes: Real) -> None:
    """Pairs [N, 2 F] from bin `low` up to `high` -> planes [at least N, 2, at least high - low]."""
    for i in range(pairs.shape[0]):
        _split(pairs[i, 2 * low : 2 * high], planes[i])


@_jit
def _store(planes: Real, pairs: Real, low: int, high: int) -> None:
    for i in range(pairs.shape[0]):
        _join(planes[i], pairs[i, 2 * low : 2 * high])


@_jit
def _split(pairs: Real, planes: Real) -> None:
    """Pairs [2 K] -> planes [2, at least K]; what is beyond K is zeros."""
    bins = pairs.size // 2
    for k in range(bins):
        planes[0, k] = pairs[2 * k]
        planes[1, k] = pairs[2 * k + 1]
    planes[:, bins:] = 0


@_jit
def _join(planes: Real, pairs: Real) -> None:
    for k in range(pairs.size // 2):
        pairs[2 * k] = planes[0, k]
        pairs[2 * k + 1] = planes[1, k]


@_jit
def _add(planes: Real, pairs: Real) -> None:
    for k in range(pairs.size // 2):
        pairs[2 * k] += planes[0, k]
        pairs[2 * k + 1] += planes[1, k]


@_jit
def _power(x: Real, newest: int, taps: int, power: Real) -> None:
    """Make power = |x|² of all taps."""
    power[:] = 0
    for tap in range(taps):
        j = newest - tap
        for k in range(power.size):
            power[k] = power[k] + x[j, 0, k] * x[j, 0, k] + x[j, 1, k] * x[j, 1, k]


@_jit
def _cancel(w: Real, x: Real, newest: int, e: Real, power: Real) -> None:
    """Make e -= w x, and power = |x|² of all taps."""
    taps, bins = w.shape[0], w.shape[2]
    power[:] = 0
    for tap in range(0, taps - 4, 5):  # of five taps the sums stay in registers
        for k in range(bins):
            e0, e1, p = e[0, k], e[1, k], power[k]
            for i in range(tap, tap + 5):
                w0, w1, x0, x1 = w[i, 0, k], w[i, 1, k], x[newest - i, 0, k], x[newest - i, 1, k]
                e0 = e0 - w0 * x0 + w1 * x1
                e1 = e1 - w0 * x1 - w1 * x0
                p = p + x0 * x0 + x1 * x1
            e[0, k], e[1, k], power[k] = e0, e1, p
    for tap in range(taps - taps % 5, taps):
        for k in range(bins):
            w0, w1, x0, x1 = w[tap, 0, k], w[tap, 1, k], x[newest - tap, 0, k], x[newest - tap, 1, k]
            e[0, k] = e[0, k] - w0 * x0 + w1 * x1
            e[1, k] = e[1, k] - w0 * x1 - w1 * x0
            power[k] = power[k] + x0 * x0 + x1 * x1


@_jit
def _correct(step_size: Real, power: Real, small: Scalar, post: Scalar, e: Real, u: Real) -> None:
    """Of the a-priori error e, make u = s e, e = a e."""
    one = power.dtype.type(1)
    for k in range(step_size.size):
        scale = step_size[k] / (power[k] + small)
        left = one - post * scale * power[k]
        u[0, k] = scale * e[0, k]
        u[1, k] = scale * e[1, k]
        e[0, k] = left * e[0, k]
        e[1, k] = left * e[1, k]


@_jit
def _correct_back(
    step_size: Real, power: Real, small: Scalar, post: Scalar, e: Real, u: Real, ge: Real, gn: Real, grad_step: Real
) -> None:
    """Of e, minus the gradient of u and in `ge` that of E, make u, the gradients of e and step, and twice that of n."""
    one = power.dtype.type(1)
    for k in range(step_size.size):
        scale = step_size[k] / (power[k] + small)
        left = one - post * scale * power[k]
        grad_left = post * (ge[0, k] * e[0, k] + ge[1, k] * e[1, k])
        grad_scale = -(u[0, k] * e[0, k] + u[1, k] * e[1, k]) - power[k] * grad_left
        grad = grad_scale / (power[k] + small)
        grad_step[k] = grad
        gn[k] = -(scale + scale) * (grad_left + grad)
        ge[0, k] = left * ge[0, k] - scale * u[0, k]
        ge[1, k] = left * ge[1, k] - scale * u[1, k]
        u[0, k] = scale * e[0, k]
        u[1, k] = scale * e[1, k]


@_jit
def _update(w: Real, x: Real, newest: int, u: Real) -> None:
    """Make w += u x*."""
    for tap in range(w.shape[0]):
        j = newest - tap
        for k in range(w.shape[2]):
            w[tap, 0, k] = w[tap, 0, k] + u[0, k] * x[j, 0, k] + u[1, k] * x[j, 1, k]
            w[tap, 1, k] = w[tap, 1, k] + u[1, k] * x[j, 0, k] - u[0, k] * x[j, 1, k]


@_jit
def _spread(w: Real, g: Real, x: Real, newest: int, u: Real, ge: Real, gn: Real, gx: Real) -> None:
    """Make gx += u g* - ge w* + gn x."""
    for tap in range(w.shape[0]):
        j = newest - tap
        for k in range(w.shape[2]):
            gx[j, 0, k] = (
                gx[j, 0, k]
                + u[0, k] * g[tap, 0, k]
                + u[1, k] * g[tap, 1, k]
                - ge[0, k] * w[tap, 0, k]
                - ge[1, k] * w[tap, 1, k]
                + gn[k] * x[j, 0, k]
            )
            gx[j, 1, k] = (
                gx[j, 1, k]
                + u[1, k] * g[tap, 0, k]
                - u[0, k] * g[tap, 1, k]
                - ge[1, k] * w[tap, 0, k]
                + ge[0, k] * w[tap, 1, k]
                + gn[k] * x[j, 1, k]
            )
