"""Subband NLMS and its adjoint in numba, for subband_nlms.py; see there for the equations.

Complex arrays are stored as interleaved pairs of real numbers: signals are [N, T, 2 F], weights [N, L, 2 F] with the
tap of the newest frame first. The reference has L - 1 additional frames, which precede the first one. A task is a block
of bins of one signal. It is processed through all frames in local buffers with separate real and imaginary parts, so
that the inner loops can be vectorised and stay in cache. Threads divide the tasks among them and write to disjoint
parts of the arrays.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers.kernels.compile import reassociated

__all__ = ["Errors", "Record", "Settings", "Signals", "adapt", "adapt_back", "tasks"]

LANES = 320  # most bins of a task, so that its buffers fit into the second-level cache

Scalar = np.floating[Any]
Real = NDArray[Scalar]


class Signals(NamedTuple):
    """The input of the filter, or its gradient."""

    reference: Real  # [N, L - 1 + T, 2 F]; as a gradient, zero before the call, or empty if it is not needed
    mic: Real  # [N, T, 2 F]
    step_size: Real  # [N, T, F]


class Errors(NamedTuple):
    """The output of the filter."""

    prior: Real  # [N, T, 2 F] a-priori error
    error: Real  # [N, T, 2 F] error that is output; the same array as `prior` if that is the output
    checkpoints: Real  # [N, segments, L, 2 F] weights before every segment of frames


class Record(NamedTuple):
    """The input of the adjoint: signals and output of the filter, and the gradient of its error."""

    reference: Real
    step_size: Real
    prior: Real
    checkpoints: Real
    grad_error: Real  # [N, T, 2 F]


class Settings(NamedTuple):
    """Constants with the type of the signals."""

    delta: Scalar  # regularisation added to the power of the reference
    posterior: Scalar  # 1: the error that is output is the a-posteriori one; 0: the a-priori one


class Buffers(NamedTuple):
    """A frame of a task in the backward pass: real and imaginary parts [2, K], or real numbers [K]."""

    error: Real  # [2, K] a-priori error
    update: Real  # [2, K] minus the gradient of u, then u
    grad: Real  # [2, K] gradient of the output, then of the a-priori error
    grad_norm: Real  # [K] twice the gradient of n
    power: Real  # [K] power of the reference, summed over the taps


def tasks(signals: int, bins: int) -> int:
    """Return the number of tasks; a kernel processes the tasks `first` to `last` - 1."""
    return signals * -(-bins // LANES)


@reassociated
def adapt(signals: Signals, weights: Real, out: Errors, settings: Settings, first: int, last: int) -> None:
    """Filter and adapt in all frames: update `weights` in place and set `out`."""
    mic, step_size, bins = signals.mic, signals.step_size, signals.step_size.shape[2]
    taps, frames, segments = weights.shape[1], mic.shape[1], out.checkpoints.shape[1]
    segment = -(-frames // max(segments, 1))
    width = _width(bins)
    w, x = _zeros((taps, 2, width), mic), _zeros((segment + taps - 1, 2, width), mic)
    e, u, power = _zeros((2, width), mic), _zeros((2, width), mic), _zeros((width,), mic)
    for task in range(first, last):
        s, low, high = _span(task, bins)
        _load(weights[s], low, high, w)
        for c in range(segments):
            start, stop = c * segment, min((c + 1) * segment, frames)
            _store(w, out.checkpoints[s, c], low, high)
            _load(signals.reference[s, start : stop + taps - 1], low, high, x)
            for t in range(start, stop):
                newest = t - start + taps - 1
                _split(mic[s, t, 2 * low : 2 * high], e)
                _cancel(w, x, newest, e, power)
                _join(e, out.prior[s, t, 2 * low : 2 * high])
                _correct(step_size[s, t, low:high], power, settings, e, u)
                _join(e, out.error[s, t, 2 * low : 2 * high])
                _update(w, x, newest, u)
        _store(w, weights[s], low, high)


@reassociated
def adapt_back(record: Record, grad_weights: Real, grads: Signals, settings: Settings, first: int, last: int) -> None:
    """Propagate `grad_weights`, in place, from the last frame to the first, and set `grads`.

    The weights are recomputed only if the gradient of the reference is needed.
    """
    step_size, prior, checkpoints = record.step_size, record.prior, record.checkpoints
    bins, through_x = step_size.shape[2], grads.reference.shape[0] > 0
    taps, frames, segments = grad_weights.shape[1], prior.shape[1], checkpoints.shape[1]
    segment = -(-frames // max(segments, 1))
    width = _width(bins)
    w, g = _zeros((segment + 1, taps, 2, width), prior), _zeros((taps, 2, width), prior)
    x, gx = _zeros((segment + taps - 1, 2, width), prior), _zeros((segment + taps - 1, 2, width), prior)
    e, u, ge = _zeros((2, width), prior), _zeros((2, width), prior), _zeros((2, width), prior)
    gn, power = _zeros((width,), prior), _zeros((width,), prior)
    buffers = Buffers(e, u, ge, gn, power)
    for task in range(first, last):
        s, low, high = _span(task, bins)
        _load(grad_weights[s], low, high, g)
        for c in range(segments - 1, -1, -1):
            start, stop = c * segment, min((c + 1) * segment, frames)
            _load(record.reference[s, start : stop + taps - 1], low, high, x)
            if through_x:
                gx[:] = 0
                _load(checkpoints[s, c], low, high, w[0])
                for t in range(start, stop):
                    i, newest = t - start, t - start + taps - 1
                    _power(x, newest, taps, power)
                    _split(prior[s, t, 2 * low : 2 * high], e)
                    _correct(step_size[s, t, low:high], power, settings, e, u)
                    w[i + 1] = w[i]
                    _update(w[i + 1], x, newest, u)
            for t in range(stop - 1, start - 1, -1):
                i, newest = t - start, t - start + taps - 1
                _split(prior[s, t, 2 * low : 2 * high], e)
                _split(record.grad_error[s, t, 2 * low : 2 * high], ge)
                u[:] = 0
                _cancel(g, x, newest, u, power)  # u is minus its gradient
                _correct_back(step_size[s, t, low:high], settings, buffers, grads.step_size[s, t, low:high])
                _join(ge, grads.mic[s, t, 2 * low : 2 * high])
                if through_x:
                    _spread(w[i], g, x, newest, buffers, gx)
                np.negative(ge, ge)
                _update(g, x, newest, ge)
            if through_x:
                for i in range(stop - start + taps - 1):
                    _add(gx[i], grads.reference[s, start + i, 2 * low : 2 * high])
        _store(g, grad_weights[s], low, high)


@reassociated
def _span(task: int, bins: int) -> tuple[int, int, int]:
    """Return signal, first bin and last bin + 1 of a task; the blocks of a signal are of nearly equal size."""
    blocks, width = -(-bins // LANES), _width(bins)
    low = task % blocks * width
    return task // blocks, low, min(low + width, bins)


@reassociated
def _width(bins: int) -> int:
    """Return the number of bins of a task, rounded up to whole cache lines."""
    even = -(-bins // max(-(-bins // LANES), 1))
    return -(-even // 16) * 16


@reassociated
def _zeros(shape: tuple[int, ...], like: Real) -> Real:
    """Return zeros of the type of `like`, aligned to a cache line: accesses across two lines take twice the time."""
    size = 1
    for n in shape:
        size *= n
    line = 64 // like.itemsize
    memory = np.zeros(size + line, like.dtype)
    skip = -(memory.ctypes.data // like.itemsize) % line
    return memory[skip : skip + size].reshape(shape)


@reassociated
def _load(pairs: Real, low: int, high: int, planes: Real) -> None:
    """Copy pairs [M, 2 F], bins `low` to `high` - 1, to planes [at least M, 2, at least high - low]."""
    for i in range(pairs.shape[0]):
        _split(pairs[i, 2 * low : 2 * high], planes[i])


@reassociated
def _store(planes: Real, pairs: Real, low: int, high: int) -> None:
    for i in range(pairs.shape[0]):
        _join(planes[i], pairs[i, 2 * low : 2 * high])


@reassociated
def _split(pairs: Real, planes: Real) -> None:
    """Copy pairs [2 K] to planes [2, at least K]; the rest of the planes becomes zeros."""
    bins = pairs.size // 2
    for k in range(bins):
        planes[0, k] = pairs[2 * k]
        planes[1, k] = pairs[2 * k + 1]
    planes[:, bins:] = 0


@reassociated
def _join(planes: Real, pairs: Real) -> None:
    for k in range(pairs.size // 2):
        pairs[2 * k] = planes[0, k]
        pairs[2 * k + 1] = planes[1, k]


@reassociated
def _add(planes: Real, pairs: Real) -> None:
    for k in range(pairs.size // 2):
        pairs[2 * k] += planes[0, k]
        pairs[2 * k + 1] += planes[1, k]


@reassociated
def _power(x: Real, newest: int, taps: int, power: Real) -> None:
    """Set power = |x|² of all taps."""
    power[:] = 0
    for tap in range(taps):
        j = newest - tap
        for k in range(power.size):
            power[k] = power[k] + x[j, 0, k] * x[j, 0, k] + x[j, 1, k] * x[j, 1, k]


@reassociated
def _cancel(w: Real, x: Real, newest: int, e: Real, power: Real) -> None:
    """Set e -= w x, and power = |x|² of all taps."""
    taps, bins = w.shape[0], w.shape[2]
    power[:] = 0
    for tap in range(0, taps - 4, 5):  # the sums of five taps stay in registers
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


@reassociated
def _correct(step_size: Real, power: Real, settings: Settings, e: Real, u: Real) -> None:
    """Set u = s e and e = a e, given the a-priori error e."""
    one = power.dtype.type(1)
    for k in range(step_size.size):
        scale = step_size[k] / (power[k] + settings.delta)
        left = one - settings.posterior * scale * power[k]
        u[0, k] = scale * e[0, k]
        u[1, k] = scale * e[1, k]
        e[0, k] = left * e[0, k]
        e[1, k] = left * e[1, k]


@reassociated
def _correct_back(step_size: Real, settings: Settings, buffers: Buffers, grad_step: Real) -> None:
    """Set `grad_step` and the buffers, given a-priori error, minus the gradient of u, gradient of E, and power."""
    e, u, ge, gn, power = buffers
    one = power.dtype.type(1)
    for k in range(step_size.size):
        scale = step_size[k] / (power[k] + settings.delta)
        left = one - settings.posterior * scale * power[k]
        grad_left = settings.posterior * (ge[0, k] * e[0, k] + ge[1, k] * e[1, k])
        grad_scale = -(u[0, k] * e[0, k] + u[1, k] * e[1, k]) - power[k] * grad_left
        grad = grad_scale / (power[k] + settings.delta)
        grad_step[k] = grad
        gn[k] = -(scale + scale) * (grad_left + grad)
        ge[0, k] = left * ge[0, k] - scale * u[0, k]
        ge[1, k] = left * ge[1, k] - scale * u[1, k]
        u[0, k] = scale * e[0, k]
        u[1, k] = scale * e[1, k]


@reassociated
def _update(w: Real, x: Real, newest: int, u: Real) -> None:
    """Set w += u x*."""
    for tap in range(w.shape[0]):
        j = newest - tap
        for k in range(w.shape[2]):
            w[tap, 0, k] = w[tap, 0, k] + u[0, k] * x[j, 0, k] + u[1, k] * x[j, 1, k]
            w[tap, 1, k] = w[tap, 1, k] + u[1, k] * x[j, 0, k] - u[0, k] * x[j, 1, k]


@reassociated
def _spread(w: Real, g: Real, x: Real, newest: int, buffers: Buffers, gx: Real) -> None:
    """Set gx += u g* - ge w* + gn x."""
    _, u, ge, gn, _ = buffers
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
