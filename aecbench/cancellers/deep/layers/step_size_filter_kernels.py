"""The filter of step_size_filter.py in numba, forwards and back; the equations are there.

Real and imaginary parts are apart, so that the inner loops, along the F bins, are plain vector code: signals are
[S, T, 2, F], weights [S, L, 2, F] and covariances [S, L, F] with the tap of the newest frame first. The far end has
L - 1 frames more, those before the first, oldest first. A kernel runs the signals from `first` up to but without
`last`; threads share the signals out and write to nothing in common.
"""

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

__all__ = ["adapt", "adapt_back", "predict"]

Real = NDArray[np.floating[Any]]

_jit = numba.njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})


@_jit
def predict(
    far: Real,
    mic: Real,
    profile: Real,
    weights: Real,
    covariance: Real,
    error: Real,
    uncertainty: Real,
    power: Real,
    first: int,
    last: int,
) -> None:
    """Fill in, for one frame, error [S, 1, 2, F], uncertainty = sum P|x|² and power = sum c|x|², both [S, 1, F]."""
    taps, bins = covariance.shape[1:]
    for s in range(first, last):
        e0, e1, r, n = error[s, 0, 0], error[s, 0, 1], uncertainty[s, 0], power[s, 0]
        e0[:], e1[:], r[:], n[:] = mic[s, 0, 0], mic[s, 0, 1], 0, 0
        for tap in range(taps):
            x0, x1 = far[s, taps - 1 - tap, 0], far[s, taps - 1 - tap, 1]
            w0, w1, p, c = weights[s, tap, 0], weights[s, tap, 1], covariance[s, tap], profile[tap]
            for k in range(bins):
                e0[k] -= w0[k] * x0[k] - w1[k] * x1[k]
                e1[k] -= w0[k] * x1[k] + w1[k] * x0[k]
                x2 = x0[k] * x0[k] + x1[k] * x1[k]
                r[k] += p[k] * x2
                n[k] += c * x2


@_jit
def adapt(
    far: Real,
    mic: Real,
    gain: Real,
    disturbance: Real,
    drift: Real,
    profile: Real,
    weights: Real,
    covariance: Real,
    prior: Real,
    step: Real,
    history: Real,
    track: float,
    first: int,
    last: int,
) -> None:
    """Carry weights and covariance in place through all frames; fill in a-priori error, step and predicted covariance.

    `history` is [S, T, L, F], or without frames where it is not wanted. `track` is 1 or 0.
    """
    real = gain.dtype.type
    one, kept = real(1), real(track)
    taps, bins = covariance.shape[1:]
    r, scale = np.zeros(bins, real), np.zeros(bins, real)
    for s in range(first, last):
        for t in range(mic.shape[1]):
            e0, e1 = prior[s, t, 0], prior[s, t, 1]
            e0[:], e1[:], r[:] = mic[s, t, 0], mic[s, t, 1], 0
            q = drift[s, t]
            for tap in range(taps):
                x0, x1 = far[s, taps - 1 + t - tap, 0], far[s, taps - 1 + t - tap, 1]
                w0, w1, p, c = weights[s, tap, 0], weights[s, tap, 1], covariance[s, tap], profile[tap]
                for k in range(bins):
                    e0[k] -= w0[k] * x0[k] - w1[k] * x1[k]
                    e1[k] -= w0[k] * x1[k] + w1[k] * x0[k]
                    p[k] += c * q[k]
                    r[k] += p[k] * (x0[k] * x0[k] + x1[k] * x1[k])
                if history.shape[1]:
                    history[s, t, tap] = p
            for k in range(bins):
                scale[k] = gain[s, t, k] / (r[k] + disturbance[s, t, k])
                step[s, t, k] = scale[k] * r[k]
            for tap in range(taps):
                x0, x1 = far[s, taps - 1 + t - tap, 0], far[s, taps - 1 + t - tap, 1]
                w0, w1, p = weights[s, tap, 0], weights[s, tap, 1], covariance[s, tap]
                for k in range(bins):
                    a = scale[k] * p[k]
                    w0[k] += a * (e0[k] * x0[k] + e1[k] * x1[k])
                    w1[k] += a * (e1[k] * x0[k] - e0[k] * x1[k])
                    p[k] *= one - kept * a * (x0[k] * x0[k] + x1[k] * x1[k])


@_jit
def adapt_back(
    far: Real,
    gain: Real,
    disturbance: Real,
    drift: Real,
    profile: Real,
    prior: Real,
    history: Real,
    grad_prior: Real,
    grad_step: Real,
    grad_weights: Real,
    grad_covariance: Real,
    grad_mic: Real,
    grad_gain: Real,
    grad_disturbance: Real,
    grad_drift: Real,
    grad_profile: Real,
    track: float,
    truncation: int,
    first: int,
    last: int,
) -> None:
    """Carry grad_weights and grad_covariance in place back to the first frame and fill in the other gradients.

    `grad_profile` [S, L] has to be zeros.
    """
    real = gain.dtype.type
    two, kept = real(2), real(track)
    taps, bins = grad_covariance.shape[1:]
    r, scale, gs, gr = np.zeros(bins, real), np.zeros(bins, real), np.zeros(bins, real), np.zeros(bins, real)
    u0, u1, v0, v1 = np.zeros(bins, real), np.zeros(bins, real), np.zeros(bins, real), np.zeros(bins, real)
    for s in range(first, last):
        for t in range(prior.shape[1] - 1, -1, -1):
            e0, e1 = prior[s, t, 0], prior[s, t, 1]
            r[:], gs[:], v0[:], v1[:] = 0, 0, 0, 0
            for tap in range(taps):  # v is the gradient of u
                x0, x1 = far[s, taps - 1 + t - tap, 0], far[s, taps - 1 + t - tap, 1]
                w0, w1, g, p = (
                    grad_weights[s, tap, 0],
                    grad_weights[s, tap, 1],
                    grad_covariance[s, tap],
                    history[s, t, tap],
                )
                for k in range(bins):
                    x2 = x0[k] * x0[k] + x1[k] * x1[k]
                    v0[k] += p[k] * (w0[k] * x0[k] - w1[k] * x1[k])
                    v1[k] += p[k] * (w0[k] * x1[k] + w1[k] * x0[k])
                    r[k] += p[k] * x2
                    gs[k] -= kept * g[k] * x2 * p[k] * p[k]
            for k in range(bins):
                den = r[k] + disturbance[s, t, k]
                scale[k] = gain[s, t, k] / den
                gs[k] += v0[k] * e0[k] + v1[k] * e1[k] + r[k] * grad_step[s, t, k]
                grad_gain[s, t, k] = gs[k] / den
                grad_disturbance[s, t, k] = -gs[k] * scale[k] / den
                gr[k] = scale[k] * grad_step[s, t, k] + grad_disturbance[s, t, k]
                u0[k], u1[k] = scale[k] * e0[k], scale[k] * e1[k]
                v0[k] = grad_prior[s, t, 0, k] + scale[k] * v0[k]  # from here on the gradient of e
                v1[k] = grad_prior[s, t, 1, k] + scale[k] * v1[k]
            grad_mic[s, t, 0], grad_mic[s, t, 1] = v0, v1
            gq, q = grad_drift[s, t], drift[s, t]
            gq[:] = 0
            for tap in range(taps):
                x0, x1 = far[s, taps - 1 + t - tap, 0], far[s, taps - 1 + t - tap, 1]
                w0, w1, g, p = (
                    grad_weights[s, tap, 0],
                    grad_weights[s, tap, 1],
                    grad_covariance[s, tap],
                    history[s, t, tap],
                )
                c, total = profile[tap], real(0)
                for k in range(bins):
                    x2 = x0[k] * x0[k] + x1[k] * x1[k]
                    b0, b1 = u0[k] * x0[k] + u1[k] * x1[k], u1[k] * x0[k] - u0[k] * x1[k]  # u x*
                    g[k] += w0[k] * b0 + w1[k] * b1 + gr[k] * x2 - two * kept * g[k] * scale[k] * x2 * p[k]
                    w0[k] -= v0[k] * x0[k] + v1[k] * x1[k]
                    w1[k] -= v1[k] * x0[k] - v0[k] * x1[k]
                    gq[k] += c * g[k]
                    total += g[k] * q[k]
                grad_profile[s, tap] += total
            if truncation and t and t % truncation == 0:
                grad_weights[s], grad_covariance[s] = 0, 0
