"""Subband NLMS and its adjoint in numba, for subband_nlms.py, which has the equations.

Complex arrays come as pairs of real ones: signals are [S, T, F, 2], weights [S, L, F, 2] with the tap of the newest
frame first. The reference x has L - 1 frames more, those before the first. A task is a block of bins of one signal,
carried through all frames in local buffers with real and imaginary parts apart, so that the inner loops are
plain vector code in cache. Threads share the tasks out; they write to nothing in common.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["adapt", "adapt_back", "tasks"]

LANES = 320  # bins of a task at most: its buffers stay in the second-level cache

Real = NDArray[np.floating[Any]]

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

    `checkpoints` is [S, segments, L, F, 2]. `posterior` is 1 or 0; with 0, `prior` and `error` may be one array.
    """
    real = step_size.dtype.type
    one, small, post = real(1), real(delta), real(posterior)
    (taps, bins), (frames, segments) = weights.shape[1:3], (mic.shape[1], checkpoints.shape[1])
    segment = -(-frames // max(segments, 1))
    width = _width(bins)
    w, xs = np.zeros((taps, 2, width), real), np.zeros((segment + taps - 1, 2, width), real)
    e, power = np.zeros((2, width), real), np.zeros(width, real)
    for task in range(first, last):
        s, low, high = _place(task, bins)
        _load(weights[s, :, low:high], w)
        for c in range(segments):
            start, stop = c * segment, min((c + 1) * segment, frames)
            _store(w, checkpoints[s, c, :, low:high])
            _load(x[s, start : stop + taps - 1, low:high], xs)
            for t in range(start, stop):
                newest = t - start + taps - 1
                for k in range(high - low):
                    e[0, k], e[1, k] = mic[s, t, low + k, 0], mic[s, t, low + k, 1]
                power[:] = 0
                for tap in range(taps):
                    _cancel(w[tap], xs[newest - tap], e, power)
                for k in range(high - low):
                    scale = step_size[s, t, low + k] / (power[k] + small)
                    left = one - post * scale * power[k]
                    for part in range(2):
                        prior[s, t, low + k, part] = e[part, k]
                        error[s, t, low + k, part] = left * e[part, k]
                        e[part, k] *= scale
                for tap in range(taps):
                    _update(w[tap], xs[newest - tap], e)
        _store(w, weights[s, :, low:high])


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
    real = step_size.dtype.type
    one, two, small, post = real(1), real(2), real(delta), real(posterior)
    (taps, bins), (frames, segments) = grad_weights.shape[1:3], (prior.shape[1], checkpoints.shape[1])
    segment = -(-frames // max(segments, 1))
    width = _width(bins)
    w, g = np.zeros((segment + 1, taps, 2, width), real), np.zeros((taps, 2, width), real)
    xs, gx = np.zeros((segment + taps - 1, 2, width), real), np.zeros((segment + taps - 1, 2, width), real)
    u, ge = np.zeros((2, width), real), np.zeros((2, width), real)
    power, gn = np.zeros(width, real), np.zeros(width, real)
    for task in range(first, last):
        s, low, high = _place(task, bins)
        _load(grad_weights[s, :, low:high], g)
        for c in range(segments - 1, -1, -1):
            start, stop = c * segment, min((c + 1) * segment, frames)
            _load(x[s, start : stop + taps - 1, low:high], xs)
            if through_x:
                gx[:] = 0
                _load(checkpoints[s, c, :, low:high], w[0])
                for t in range(start, stop):
                    i, newest = t - start, t - start + taps - 1
                    power[:] = 0
                    for tap in range(taps):
                        _add_power(xs[newest - tap], power)
                    for k in range(high - low):
                        scale = step_size[s, t, low + k] / (power[k] + small)
                        for part in range(2):
                            u[part, k] = scale * prior[s, t, low + k, part]
                    w[i + 1] = w[i]
                    for tap in range(taps):
                        _update(w[i + 1, tap], xs[newest - tap], u)
            for t in range(stop - 1, start - 1, -1):
                i, newest = t - start, t - start + taps - 1
                u[:], power[:] = 0, 0
                for tap in range(taps):  # u holds the gradient of u at first, minus that
                    _cancel(g[tap], xs[newest - tap], u, power)
                for k in range(high - low):
                    scale = step_size[s, t, low + k] / (power[k] + small)
                    left = one - post * scale * power[k]
                    e0, e1 = prior[s, t, low + k, 0], prior[s, t, low + k, 1]
                    d0, d1 = grad_error[s, t, low + k, 0], grad_error[s, t, low + k, 1]
                    grad_e0, grad_e1 = left * d0 - scale * u[0, k], left * d1 - scale * u[1, k]
                    grad_left = d0 * e0 + d1 * e1
                    grad_scale = -(u[0, k] * e0 + u[1, k] * e1) - post * power[k] * grad_left
                    grad_step = grad_scale / (power[k] + small)
                    gn[k] = -two * scale * (post * grad_left + grad_step)
                    grad_step_size[s, t, low + k] = grad_step
                    grad_mic[s, t, low + k, 0], grad_mic[s, t, low + k, 1] = grad_e0, grad_e1
                    ge[0, k], ge[1, k] = -grad_e0, -grad_e1
                    u[0, k], u[1, k] = scale * e0, scale * e1
                for tap in range(taps):
                    j = newest - tap
                    if through_x:
                        _spread(xs[j], w[i, tap], g[tap], u, ge, gn, gx[j])
                    else:
                        _update(g[tap], xs[j], ge)
                if detach and t and t % detach == 0:
                    g[:] = 0
            if through_x:
                for i in range(stop - start + taps - 1):
                    for k in range(high - low):
                        grad_x[s, start + i, low + k, 0] += gx[i, 0, k]
                        grad_x[s, start + i, low + k, 1] += gx[i, 1, k]
        _store(g, grad_weights[s, :, low:high])


@_jit
def _place(task: int, bins: int) -> tuple[int, int, int]:
    """Signal, first bin and last bin + 1 of a task; the blocks of a signal are as even as can be."""
    blocks, width = -(-bins // LANES), _width(bins)
    low = task % blocks * width
    return task // blocks, low, min(low + width, bins)


@_jit
def _width(bins: int) -> int:
    return -(-bins // max(-(-bins // LANES), 1))


@_jit
def _load(pairs: Real, planes: Real) -> None:
    """Pairs [N, K, 2] -> planes [at least N, 2, at least K]; what is beyond K is zeros."""
    planes[: pairs.shape[0], :, pairs.shape[1] :] = 0
    for i in range(pairs.shape[0]):
        for k in range(pairs.shape[1]):
            planes[i, 0, k], planes[i, 1, k] = pairs[i, k, 0], pairs[i, k, 1]


@_jit
def _store(planes: Real, pairs: Real) -> None:
    for i in range(pairs.shape[0]):
        for k in range(pairs.shape[1]):
            pairs[i, k, 0], pairs[i, k, 1] = planes[i, 0, k], planes[i, 1, k]


@_jit
def _cancel(w: Real, x: Real, e: Real, power: Real) -> None:
    """Make e -= w x, power += |x|²."""
    (w0, w1), (x0, x1), (e0, e1) = (w[0], w[1]), (x[0], x[1]), (e[0], e[1])
    for k in range(x0.size):
        e0[k] -= w0[k] * x0[k] - w1[k] * x1[k]
        e1[k] -= w0[k] * x1[k] + w1[k] * x0[k]
        power[k] += x0[k] * x0[k] + x1[k] * x1[k]


@_jit
def _add_power(x: Real, power: Real) -> None:
    """Make power += |x|²."""
    x0, x1 = x[0], x[1]
    for k in range(x0.size):
        power[k] += x0[k] * x0[k] + x1[k] * x1[k]


@_jit
def _update(w: Real, x: Real, u: Real) -> None:
    """Make w += u x*."""
    (w0, w1), (x0, x1), (u0, u1) = (w[0], w[1]), (x[0], x[1]), (u[0], u[1])
    for k in range(x0.size):
        w0[k] += u0[k] * x0[k] + u1[k] * x1[k]
        w1[k] += u1[k] * x0[k] - u0[k] * x1[k]


@_jit
def _spread(x: Real, w: Real, g: Real, u: Real, ge: Real, gn: Real, gx: Real) -> None:
    """Make gx += u g* + ge w* + gn x, and g += ge x*."""
    (w0, w1), (x0, x1), (u0, u1) = (w[0], w[1]), (x[0], x[1]), (u[0], u[1])
    (g0, g1), (e0, e1), (gx0, gx1) = (g[0], g[1]), (ge[0], ge[1]), (gx[0], gx[1])
    for k in range(x0.size):
        gx0[k] += u0[k] * g0[k] + u1[k] * g1[k] + e0[k] * w0[k] + e1[k] * w1[k] + gn[k] * x0[k]
        gx1[k] += u1[k] * g0[k] - u0[k] * g1[k] + e1[k] * w0[k] - e0[k] * w1[k] + gn[k] * x1[k]
        g0[k] += e0[k] * x0[k] + e1[k] * x1[k]
        g1[k] += e1[k] * x0[k] - e0[k] * x1[k]
