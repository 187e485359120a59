"""The filter of step_size_filter.py in Triton, forward and backward pass, for signals on a GPU.

See step_size_filter.py for the equations; names, shapes and arguments are those of step_size_filter_kernels.py. One
Triton program processes a block of bins of one signal through all frames, with all taps of these bins in registers.
"""

import triton
import triton.language as tl
from torch import Tensor

from aecbench.cancellers.deep.layers.step_size_filter_kernels import (
    Gradients,
    Output,
    Prediction,
    Record,
    Settings,
    Signals,
    State,
    Window,
)

__all__ = ["adapt", "adapt_back", "predict"]

BLOCK, WARPS = 32, 8  # bins and warps (of 32 threads) per program


def predict(window: Window, state: State, out: Prediction) -> None:
    """Set `out` to the prediction of one frame."""
    n, _, _, bins = window.mic.shape
    _predict[_grid(n, bins)](
        *window, *state, *out, bins, len(window.profile), window.far.shape[1], **_sizes(window.profile)
    )


def adapt(signals: Signals, state: State, out: Output, settings: Settings) -> None:
    """Filter and adapt in all frames: update the state in place and set `out`."""
    n, frames, _, bins = signals.mic.shape
    numbers = frames, bins, len(signals.profile), signals.far.shape[1], settings.inputs, float(settings.track)
    keep = bool(out.history.shape[1])
    _adapt[_grid(n, bins)](*signals, *state, *out, *numbers, KEEP=keep, **_sizes(signals.profile))


def adapt_back(record: Record, grad_state: State, grads: Gradients, settings: Settings) -> None:
    """Propagate the gradient of the state, in place, from the last frame to the first, and set `grads`."""
    n, frames, _, bins = record.error.shape
    grid = _grid(n, bins)
    by_block = record.profile.new_zeros(n, grid[1], len(record.profile))
    numbers = frames, bins, len(record.profile), record.far.shape[1], settings.inputs, float(settings.track)
    far = bool(grads.far.shape[1])
    tensors = *record, *grad_state, *grads[:-1], by_block
    _adapt_back[grid](*tensors, *numbers, settings.truncation, FAR=far, **_sizes(record.profile))
    grads.profile.copy_(by_block.sum(1))


def _grid(signals: int, bins: int) -> tuple[int, int]:
    return signals, -(-bins // BLOCK)


def _sizes(profile: Tensor) -> dict[str, int]:
    """Return the size of a program: its taps, rounded up to a power of two, its bins and its warps."""
    return {"TAPS": triton.next_power_of_2(len(profile)), "BLOCK": BLOCK, "num_warps": WARPS}


@triton.jit  # type: ignore[untyped-decorator]
def _predict(  # type: ignore[no-untyped-def]
    far, mic, profile, place, weights, covariance, error, uncertainty, power, bins, taps, width,
    TAPS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    s = tl.program_id(0).to(tl.int64)
    k, lag = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK), tl.arange(0, TAPS)
    valid, tap = k < bins, lag < taps
    both = tap[:, None] & valid[None, :]
    at, c = tl.load(place + lag, tap, 0), tl.load(profile + lag, tap, 0.0)
    x = far + (s * width + at)[:, None] * 2 * bins + k[None, :]
    x0, x1 = tl.load(x, both, 0.0), tl.load(x + bins, both, 0.0)
    w = weights + (s * taps + lag)[:, None] * 2 * bins + k[None, :]
    w0, w1 = tl.load(w, both, 0.0), tl.load(w + bins, both, 0.0)
    p = tl.load(covariance + (s * taps + lag)[:, None] * bins + k[None, :], both, 0.0)
    x2 = x0 * x0 + x1 * x1
    d = mic + s * 2 * bins + k
    e = error + s * 2 * bins + k
    tl.store(e, tl.load(d, valid, 0.0) - tl.sum(w0 * x0 - w1 * x1, 0), valid)
    tl.store(e + bins, tl.load(d + bins, valid, 0.0) - tl.sum(w0 * x1 + w1 * x0, 0), valid)
    tl.store(uncertainty + s * bins + k, tl.sum(p * x2, 0), valid)
    tl.store(power + s * bins + k, tl.sum(c[:, None] * x2, 0), valid)


@triton.jit  # type: ignore[untyped-decorator]
def _adapt(  # type: ignore[no-untyped-def]
    far, mic, gain, disturbance, drift, profile, place, weights, covariance, error, step_size, history,
    frames, bins, taps, width, inputs, track,
    KEEP: tl.constexpr, TAPS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    s = tl.program_id(0).to(tl.int64)
    k, lag = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK), tl.arange(0, TAPS)
    valid, tap = k < bins, lag < taps
    both = tap[:, None] & valid[None, :]
    at, c = tl.load(place + lag, tap, 0), tl.load(profile + lag, tap, 0.0)
    w = weights + (s * taps + lag)[:, None] * 2 * bins + k[None, :]
    w0, w1 = tl.load(w, both, 0.0), tl.load(w + bins, both, 0.0)
    p = tl.load(covariance + (s * taps + lag)[:, None] * bins + k[None, :], both, 0.0)
    for t in range(frames):
        x = far + (s * width + at + inputs * t)[:, None] * 2 * bins + k[None, :]
        x0, x1 = tl.load(x, both, 0.0), tl.load(x + bins, both, 0.0)
        own = (s * frames + t) * bins + k
        pair = (s * frames + t) * 2 * bins + k
        e0 = tl.load(mic + pair, valid, 0.0) - tl.sum(w0 * x0 - w1 * x1, 0)
        e1 = tl.load(mic + pair + bins, valid, 0.0) - tl.sum(w0 * x1 + w1 * x0, 0)
        a = p + c[:, None] * tl.load(drift + own, valid, 0.0)[None, :]
        if KEEP:
            tl.store(history + ((s * frames + t) * taps + lag)[:, None] * bins + k[None, :], a, both)
        x2 = x0 * x0 + x1 * x1
        r = tl.sum(a * x2, 0)
        scale = tl.load(gain + own, valid, 0.0) / (r + tl.load(disturbance + own, valid, 1.0))
        step = scale[None, :] * a
        w0 += step * (e0[None, :] * x0 + e1[None, :] * x1)
        w1 += step * (e1[None, :] * x0 - e0[None, :] * x1)
        p = a * (1 - track * step * x2)
        tl.store(error + pair, e0, valid)
        tl.store(error + pair + bins, e1, valid)
        tl.store(step_size + own, scale * r, valid)
    tl.store(w, w0, both)
    tl.store(w + bins, w1, both)
    tl.store(covariance + (s * taps + lag)[:, None] * bins + k[None, :], p, both)


@triton.jit  # type: ignore[untyped-decorator]
def _adapt_back(  # type: ignore[no-untyped-def]
    far, gain, disturbance, drift, profile, place, error, history, weights, grad_error, grad_step_size,
    grad_weights, grad_covariance, by_far, by_mic, by_gain, by_disturbance, by_drift, by_profile,
    frames, bins, taps, width, inputs, track, truncation,
    FAR: tl.constexpr, TAPS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    s = tl.program_id(0).to(tl.int64)
    k, lag = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK), tl.arange(0, TAPS)
    valid, tap = k < bins, lag < taps
    both = tap[:, None] & valid[None, :]
    at, c = tl.load(place + lag, tap, 0), tl.load(profile + lag, tap, 0.0)
    pairs, own_taps = (s * taps + lag)[:, None] * 2 * bins + k[None, :], (s * taps + lag)[:, None] * bins + k[None, :]
    w0, w1 = tl.load(grad_weights + pairs, both, 0.0), tl.load(grad_weights + pairs + bins, both, 0.0)
    g = tl.load(grad_covariance + own_taps, both, 0.0)
    total = tl.zeros_like(g)
    if FAR:
        y0, y1 = tl.load(weights + pairs, both, 0.0), tl.load(weights + pairs + bins, both, 0.0)
    for back in range(frames):
        t = frames - 1 - back
        frame = (s * width + at + inputs * t)[:, None] * 2 * bins + k[None, :]
        x0, x1 = tl.load(far + frame, both, 0.0), tl.load(far + frame + bins, both, 0.0)
        own = (s * frames + t) * bins + k
        pair = (s * frames + t) * 2 * bins + k
        e0, e1 = tl.load(error + pair, valid, 0.0), tl.load(error + pair + bins, valid, 0.0)
        p = tl.load(history + ((s * frames + t) * taps + lag)[:, None] * bins + k[None, :], both, 0.0)
        x2 = x0 * x0 + x1 * x1
        v0, v1 = tl.sum(p * (w0 * x0 - w1 * x1), 0), tl.sum(p * (w0 * x1 + w1 * x0), 0)  # the gradient of u
        r = tl.sum(p * x2, 0)
        den = r + tl.load(disturbance + own, valid, 1.0)
        scale = tl.load(gain + own, valid, 0.0) / den
        outside = tl.load(grad_step_size + own, valid, 0.0)
        gs = v0 * e0 + v1 * e1 + r * outside - tl.sum(track * g * x2 * p * p, 0)
        gd = -gs * scale / den
        gr = (scale * outside + gd)[None, :]
        u0, u1 = (scale * e0)[None, :], (scale * e1)[None, :]
        v0 = tl.load(grad_error + pair, valid, 0.0) + scale * v0  # from here on the gradient of e
        v1 = tl.load(grad_error + pair + bins, valid, 0.0) + scale * v1
        tl.store(by_gain + own, gs / den, valid)
        tl.store(by_disturbance + own, gd, valid)
        tl.store(by_mic + pair, v0, valid)
        tl.store(by_mic + pair + bins, v1, valid)
        step = scale[None, :] * p
        v0, v1 = v0[None, :], v1[None, :]
        b0, b1 = u0 * x0 + u1 * x1, u1 * x0 - u0 * x1  # u x*
        if FAR:
            y0 -= p * b0  # before the update
            y1 -= p * b1
            share = 2 * p * (gr - track * step * g)
            z0 = p * (u0 * w0 + u1 * w1) - y0 * v0 - y1 * v1 + share * x0
            z1 = p * (u1 * w0 - u0 * w1) - y0 * v1 + y1 * v0 + share * x1
            tl.atomic_add(by_far + frame, z0, both, sem="relaxed")  # a frame passes through several taps over time
            tl.atomic_add(by_far + frame + bins, z1, both, sem="relaxed")
        g += w0 * b0 + w1 * b1 + gr * x2 - 2 * track * g * step * x2
        w0 -= v0 * x0 + v1 * x1
        w1 -= v1 * x0 - v0 * x1
        tl.store(by_drift + own, tl.sum(c[:, None] * g, 0), valid)
        total += g * tl.load(drift + own, valid, 0.0)[None, :]
        kept = tl.where((truncation > 0) & (t > 0) & (t % tl.maximum(truncation, 1) == 0), 0.0, 1.0)
        w0, w1, g = w0 * kept, w1 * kept, g * kept
    tl.store(grad_weights + pairs, w0, both)
    tl.store(grad_weights + pairs + bins, w1, both)
    tl.store(grad_covariance + own_taps, g, both)
    tl.store(by_profile + (s * tl.num_programs(1) + tl.program_id(1)) * taps + lag, tl.sum(total, 1), tap)
