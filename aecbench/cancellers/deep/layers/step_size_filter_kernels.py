"""The filter of step_size_filter.py in numba, forward and backward pass; see there for the equations.

Real and imaginary parts are separate, so that the inner loops over the F bins can be vectorised: signals are
[N, T, 2, F], weights [N, L, 2, F] and covariances [N, L, F] with the tap of the newest frame first. A kernel processes
the signals `first` to `last` - 1; threads divide the signals among them and write to disjoint parts of the arrays.

The frames of K inputs are interleaved: every frame of the filter has K consecutive frames in `far`. `place` is the
index in `far` of the frame of each tap when the first frame is processed; it increases by K with every frame.

The loops over taps read their indices from an array. LLVM checks at run time whether rows overlap, and runs scalar code
if they might. For a range of taps, it would check the span of all taps at once, in which both planes of the weights
lie.
"""

from typing import Any, NamedTuple

import numpy as np

from aecbench.cancellers.kernels.arrays import copy
from aecbench.cancellers.kernels.compile import reassociated

__all__ = [
    "Gradients",
    "Output",
    "Prediction",
    "Record",
    "Settings",
    "Signals",
    "State",
    "Window",
    "adapt",
    "adapt_back",
    "predict",
]

Integer = Any  # int64
Real = Any  # a NumPy array here, a tensor in step_size_filter.py: float32, or float64 throughout


class Signals(NamedTuple):
    """The input of the filter."""

    far: Real  # [N, K (H + T), 2, F] oldest frame first, beginning with the H frames before the first one
    mic: Real  # [N, T, 2, F]
    gain: Real  # [N, T, F] from 0 to 1
    disturbance: Real  # [N, T, F] power, above 0
    drift: Real  # [N, T, F] at least 0
    profile: Real  # [L] relative drift of the taps
    place: Integer  # [L] index in `far` of the frame of each tap, for the first frame


class State(NamedTuple):
    """The filter after a frame, or its gradient."""

    weights: Real  # [N, L, 2, F]
    covariance: Real  # [N, L, F]


class Settings(NamedTuple):
    """Numbers that are constant over signals and frames."""

    track: float = 1.0  # 1: every update reduces the covariance (Kalman filter); 0: it does not (NLMS)
    truncation: int = 0  # frames after which gradients are cut; 0: never
    inputs: int = 1  # K, the number of inputs


class Output(NamedTuple):
    """The output of the filter."""

    error: Real  # [N, T, 2, F] a-priori error
    step_size: Real  # [N, T, F] normalised step size
    history: Real  # [N, T, L, F] predicted covariances; [N, 0, L, F] if they are not needed


class Window(NamedTuple):
    """One frame, and the far end at all taps."""

    far: Real  # [N, K (H + 1), 2, F] oldest frame first
    mic: Real  # [N, 1, 2, F]
    profile: Real  # [L]
    place: Integer  # [L]


class Prediction(NamedTuple):
    """A frame before the filter adapts to it."""

    error: Real  # [N, 1, 2, F] a-priori error
    uncertainty: Real  # [N, 1, F] expected power of the residual echo: sum of p |x|²
    power: Real  # [N, 1, F] power of the far end, weighted by the profile: sum of c |x|²


class Record(NamedTuple):
    """The input of the adjoint: signals and output of the filter, and the gradients of its output."""

    far: Real
    gain: Real
    disturbance: Real
    drift: Real
    profile: Real
    place: Integer
    error: Real
    history: Real
    weights: Real  # after the last frame; the updates are undone in place
    grad_error: Real
    grad_step_size: Real


class Gradients(NamedTuple):
    """The gradients of the signals."""

    far: Real  # must be zero before the call; has no frames if it is not needed
    mic: Real
    gain: Real
    disturbance: Real
    drift: Real
    profile: Real  # [N, L], must be zero before the call


@reassociated
def predict(window: Window, state: State, out: Prediction, first: int, last: int) -> None:
    """Set `out` to the prediction of one frame."""
    far, mic, profile, place = window
    taps, bins = state.covariance.shape[1:]
    for s in range(first, last):
        e0, e1, r, n = out.error[s, 0, 0], out.error[s, 0, 1], out.uncertainty[s, 0], out.power[s, 0]
        copy(mic[s, 0, 0], e0)
        copy(mic[s, 0, 1], e1)
        r[:], n[:] = 0, 0
        for tap in range(taps):
            x0, x1 = far[s, place[tap], 0], far[s, place[tap], 1]
            w0, w1 = state.weights[s, tap, 0], state.weights[s, tap, 1]
            p, c = state.covariance[s, tap], profile[tap]
            for k in range(bins):
                e0[k] -= w0[k] * x0[k] - w1[k] * x1[k]
                e1[k] -= w0[k] * x1[k] + w1[k] * x0[k]
                x2 = x0[k] * x0[k] + x1[k] * x1[k]
                r[k] += p[k] * x2
                n[k] += c * x2


@reassociated
def adapt(signals: Signals, state: State, out: Output, settings: Settings, first: int, last: int) -> None:
    """Filter and adapt in all frames: update the state in place and set `out`."""
    far, mic, gain, disturbance, drift, profile, place = signals
    weights, covariance = state
    error, step_size, history = out
    real = gain.dtype.type
    one, track = real(1), real(settings.track)
    taps, bins = covariance.shape[1:]
    r, scale, rows = np.zeros(bins, real), np.zeros(bins, real), np.arange(taps)
    for s in range(first, last):
        for t in range(mic.shape[1]):
            e0, e1 = error[s, t, 0], error[s, t, 1]
            copy(mic[s, t, 0], e0)
            copy(mic[s, t, 1], e1)
            r[:] = 0
            q = drift[s, t]
            for tap in rows:
                i = place[tap] + settings.inputs * t
                x0, x1 = far[s, i, 0], far[s, i, 1]
                w0, w1, p, c = weights[s, tap, 0], weights[s, tap, 1], covariance[s, tap], profile[tap]
                for k in range(bins):
                    e0[k] -= w0[k] * x0[k] - w1[k] * x1[k]
                    e1[k] -= w0[k] * x1[k] + w1[k] * x0[k]
                    p[k] += c * q[k]
                    r[k] += p[k] * (x0[k] * x0[k] + x1[k] * x1[k])
                if history.shape[1]:
                    copy(p, history[s, t, tap])
            for k in range(bins):
                scale[k] = gain[s, t, k] / (r[k] + disturbance[s, t, k])
                step_size[s, t, k] = scale[k] * r[k]
            for tap in rows:
                i = place[tap] + settings.inputs * t
                x0, x1 = far[s, i, 0], far[s, i, 1]
                w0, w1, p = weights[s, tap, 0], weights[s, tap, 1], covariance[s, tap]
                for k in range(bins):
                    a = scale[k] * p[k]
                    w0[k] += a * (e0[k] * x0[k] + e1[k] * x1[k])
                    w1[k] += a * (e1[k] * x0[k] - e0[k] * x1[k])
                    p[k] *= one - track * a * (x0[k] * x0[k] + x1[k] * x1[k])


@reassociated
def adapt_back(record: Record, grad_state: State, grads: Gradients, settings: Settings, first: int, last: int) -> None:
    """Propagate the gradient of the state, in place, from the last frame to the first, and set `grads`."""
    far, gain, disturbance, drift, profile, place, error, history, weights, grad_error, grad_step_size = record
    grad_weights, grad_covariance = grad_state
    real = gain.dtype.type
    two, track = real(2), real(settings.track)
    taps, bins = grad_covariance.shape[1:]
    r, scale, gs, gr = np.zeros(bins, real), np.zeros(bins, real), np.zeros(bins, real), np.zeros(bins, real)
    u0, u1, v0, v1 = np.zeros(bins, real), np.zeros(bins, real), np.zeros(bins, real), np.zeros(bins, real)
    rows = np.arange(taps)
    for s in range(first, last):
        for t in range(error.shape[1] - 1, -1, -1):
            e0, e1 = error[s, t, 0], error[s, t, 1]
            r[:], gs[:], v0[:], v1[:] = 0, 0, 0, 0
            for tap in rows:  # v is the gradient of u
                i = place[tap] + settings.inputs * t
                x0, x1 = far[s, i, 0], far[s, i, 1]
                w0, w1 = grad_weights[s, tap, 0], grad_weights[s, tap, 1]
                g, p = grad_covariance[s, tap], history[s, t, tap]
                for k in range(bins):
                    x2 = x0[k] * x0[k] + x1[k] * x1[k]
                    v0[k] += p[k] * (w0[k] * x0[k] - w1[k] * x1[k])
                    v1[k] += p[k] * (w0[k] * x1[k] + w1[k] * x0[k])
                    r[k] += p[k] * x2
                    gs[k] -= track * g[k] * x2 * p[k] * p[k]
            for k in range(bins):
                den = r[k] + disturbance[s, t, k]
                scale[k] = gain[s, t, k] / den
                gs[k] += v0[k] * e0[k] + v1[k] * e1[k] + r[k] * grad_step_size[s, t, k]
                grads.gain[s, t, k] = gs[k] / den
                grads.disturbance[s, t, k] = -gs[k] * scale[k] / den
                gr[k] = scale[k] * grad_step_size[s, t, k] + grads.disturbance[s, t, k]
                u0[k], u1[k] = scale[k] * e0[k], scale[k] * e1[k]
                v0[k] = grad_error[s, t, 0, k] + scale[k] * v0[k]  # from here on the gradient of e
                v1[k] = grad_error[s, t, 1, k] + scale[k] * v1[k]
            grads.mic[s, t, 0], grads.mic[s, t, 1] = v0, v1
            gq, q = grads.drift[s, t], drift[s, t]
            gq[:] = 0
            for tap in rows:
                i = place[tap] + settings.inputs * t
                x0, x1 = far[s, i, 0], far[s, i, 1]
                w0, w1 = grad_weights[s, tap, 0], grad_weights[s, tap, 1]
                g, p = grad_covariance[s, tap], history[s, t, tap]
                c, total = profile[tap], real(0)
                if grads.far.shape[1]:
                    z0, z1, y0, y1 = grads.far[s, i, 0], grads.far[s, i, 1], weights[s, tap, 0], weights[s, tap, 1]
                    for k in range(bins):
                        y0[k] -= p[k] * (u0[k] * x0[k] + u1[k] * x1[k])  # before the update
                        y1[k] -= p[k] * (u1[k] * x0[k] - u0[k] * x1[k])
                        share = two * p[k] * (gr[k] - track * scale[k] * p[k] * g[k])
                        z0[k] += p[k] * (u0[k] * w0[k] + u1[k] * w1[k]) - y0[k] * v0[k] - y1[k] * v1[k] + share * x0[k]
                        z1[k] += p[k] * (u1[k] * w0[k] - u0[k] * w1[k]) - y0[k] * v1[k] + y1[k] * v0[k] + share * x1[k]
                for k in range(bins):
                    x2 = x0[k] * x0[k] + x1[k] * x1[k]
                    b0, b1 = u0[k] * x0[k] + u1[k] * x1[k], u1[k] * x0[k] - u0[k] * x1[k]  # u x*
                    g[k] += w0[k] * b0 + w1[k] * b1 + gr[k] * x2 - two * track * g[k] * scale[k] * x2 * p[k]
                    w0[k] -= v0[k] * x0[k] + v1[k] * x1[k]
                    w1[k] -= v1[k] * x0[k] - v0[k] * x1[k]
                    gq[k] += c * g[k]
                    total += g[k] * q[k]
                grads.profile[s, tap] += total
            if settings.truncation and t and t % settings.truncation == 0:
                grad_weights[s], grad_covariance[s] = 0, 0
