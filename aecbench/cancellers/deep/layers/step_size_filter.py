"""A subband filter whose step sizes are given frame by frame, as a differentiable layer: networks train through it.

T. Haubner, A. Brendel, W. Kellermann, "End-to-end deep learning-based adaptation control for linear acoustic echo
cancellation", IEEE/ACM Transactions on Audio, Speech, and Language Processing 32, 2024: the normalised step with two
masks. G. Enzner, P. Vary, "Frequency-domain adaptive Kalman filter for acoustic echo control in hands-free telephones",
Signal Processing 86(6), 2006: the covariance, here with its diagonal.

A bin has L complex taps w[l] along the frames, and a variance p[l] of the error of each. With the far end l frames ago
x[l], a frame of the microphone d and, per bin and frame, a gain m in 0 ... 1, a disturbance v > 0 and a drift q >= 0,

    e = d - sum over l of w[l] x[l]                a-priori error; neither w nor x is conjugated
    a[l] = p[l] + q c[l]                           c is a profile over the taps, the same for all bins
    r = sum over l of a[l] |x[l]|²                 expected power of the residual echo
    s = m / (r + v)
    w'[l] = w[l] + s e a[l] x[l]*
    p'[l] = a[l] - k s |x[l]|² a[l]²               k = 1: Kalman filter; k = 0: NLMS, a weighs its taps.

The a-posteriori error is (1 - s r) e. `s r`, in 0 ... 1, is the step size, normalised.

The adjoint. With gradients as in subband_nlms.py, u = s e, and ē, σ̄ those of e and s r from outside,

    ū = sum over l of a[l] w̄'[l] x[l]
    s̄ = Re(ū* e) + r σ̄ - k sum over l of p̄'[l] |x[l]|² a[l]²
    m̄ = s̄ / (r + v),  v̄ = -s̄ s / (r + v),  r̄ = s σ̄ + v̄
    ē += s ū,  d̄ = ē
    p̄[l] = ā[l] = p̄'[l] (1 - 2 k s |x[l]|² a[l]) + Re(w̄'[l]* u x[l]*) + r̄ |x[l]|²
    w̄[l] = w̄'[l] - ē x[l]*,  q̄ = sum over l of c[l] ā[l],  c̄[l] = sum over all bins and frames of q ā[l].

Errors and a are kept for it; the weights are not needed. There is no gradient of x.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from aecbench.cancellers.deep.layers import step_size_filter_kernels as kernels
from aecbench.cancellers.deep.layers.threads import in_kernels, share

__all__ = ["Adapt", "Adapted", "adapt", "plain_loop", "planes", "predict"]


class Adapted(NamedTuple):
    """What comes of a stretch of frames. Complex numbers are pairs of planes, see `planes`."""

    error: Tensor  # [S, T, 2, F] a-priori
    step_size: Tensor  # [S, T, F] normalised, in 0 ... 1
    weights: Tensor  # [S, L, 2, F] after the last frame, the tap of the newest frame first
    covariance: Tensor  # [S, L, F]


def planes(z: Tensor) -> Tensor:
    """Complex [..., F] as real [..., 2, F]."""
    return torch.stack([z.real, z.imag], -2)


def predict(
    far: Tensor, mic: Tensor, profile: Tensor, weights: Tensor, covariance: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """What is known of a frame before it is adapted to: e [S, 1, 2, F], sums of p |x|² and of c |x|², both [S, 1, F].

    far [S, L, 2, F], oldest first, mic [S, 1, 2, F], profile [L]. Without gradients.
    """
    if not in_kernels(mic):
        x = far.flip(1)
        power = x.square().sum(2)
        return mic - _product(weights, x)[:, None], (covariance * power).sum(1, True), _along(profile, power)
    flat = mic.shape[0], 1, mic.shape[-1]
    out = mic.new_empty(mic.shape), mic.new_empty(flat), mic.new_empty(flat)
    _share(kernels.predict, len(mic), (far, mic, profile, weights, covariance, *out))
    return out


def adapt(
    far: Tensor,
    mic: Tensor,
    gain: Tensor,
    disturbance: Tensor,
    drift: Tensor,
    profile: Tensor,
    weights: Tensor,
    covariance: Tensor,
    *,
    track: bool = True,
    truncation: int = 0,
) -> Adapted:
    """Filter and adapt, frame after frame.

    far [S, L - 1 + T, 2, F], mic [S, T, 2, F]; gain in 0 ... 1, disturbance > 0, drift >= 0, all [S, T, F]; profile
    [L]; weights [S, L, 2, F], covariance [S, L, F]. Gradients reach all but `far`, and are cut every `truncation`
    frames (0: never). On the CPU in kernels, elsewhere as `plain_loop`.
    """
    run: Callable[..., tuple[Tensor, ...]] = Adapt.apply if in_kernels(mic) else plain_loop
    return Adapted(*run(far, mic, gain, disturbance, drift, profile, weights, covariance, track, truncation))


def plain_loop(
    far: Tensor,
    mic: Tensor,
    gain: Tensor,
    disturbance: Tensor,
    drift: Tensor,
    profile: Tensor,
    weights: Tensor,
    covariance: Tensor,
    track: bool,
    truncation: int,
) -> tuple[Tensor, ...]:
    """`adapt` frame by frame in torch, on any device."""
    taps, errors, steps = covariance.shape[1], [], []
    for t in range(mic.shape[1]):
        if truncation and t and t % truncation == 0:
            weights, covariance = weights.detach(), covariance.detach()
        x = far[:, t : t + taps].flip(1)
        power = x.square().sum(2)
        error = mic[:, t] - _product(weights, x)
        a = covariance + drift[:, t, None] * profile[:, None]
        r = (a * power).sum(1)
        s = gain[:, t] / (r + disturbance[:, t])
        conjugate = torch.stack([x[:, :, 0], -x[:, :, 1]], 2)
        u = (s[:, None] * error)[:, None].expand_as(x)
        weights = weights + a[:, :, None] * torch.stack(_times(u, conjugate), 2)
        covariance = a - s[:, None] * power * a.square() if track else a
        errors.append(error)
        steps.append(s * r)
    return torch.stack(errors, 1), torch.stack(steps, 1), weights, covariance


class Adapt(torch.autograd.Function):
    """`plain_loop`, in kernels."""

    @staticmethod
    def forward(ctx: Any, far: Tensor, mic: Tensor, *rest: Any) -> tuple[Tensor, ...]:
        """As `plain_loop`. For the way back, errors and predicted covariances are kept."""
        gain, disturbance, drift, profile, weights, covariance, track, truncation = rest
        weights, covariance = (z.clone(memory_format=torch.contiguous_format) for z in (weights, covariance))
        signals, frames, _, bins = mic.shape
        history = mic.new_empty(signals, frames if any(ctx.needs_input_grad) else 0, covariance.shape[1], bins)
        prior, step = torch.empty_like(mic, memory_format=torch.contiguous_format), mic.new_empty(signals, frames, bins)
        arrays = (far, mic, gain, disturbance, drift, profile, weights, covariance, prior, step, history)
        _share(kernels.adapt, signals, arrays, float(track))
        ctx.save_for_backward(far, gain, disturbance, drift, profile, prior, history)
        ctx.options = float(track), truncation
        return prior, step, weights, covariance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of all but the far end."""
        far, gain, disturbance, drift, profile, prior, history = ctx.saved_tensors
        carried = [z.clone(memory_format=torch.contiguous_format) for z in grads[2:]]
        made = [torch.empty_like(z, memory_format=torch.contiguous_format) for z in (prior, gain, disturbance, drift)]
        by_signal = profile.new_zeros(len(prior), len(profile))
        given = (far, gain, disturbance, drift, profile, prior, history, *grads[:2])
        _share(kernels.adapt_back, len(prior), (*given, *carried, *made, by_signal), *ctx.options)
        return None, *made, by_signal.sum(0), *carried, None, None


def _times(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """The product of planes [S, L, 2, F]: real and imaginary part."""
    return a[:, :, 0] * b[:, :, 0] - a[:, :, 1] * b[:, :, 1], a[:, :, 0] * b[:, :, 1] + a[:, :, 1] * b[:, :, 0]


def _product(weights: Tensor, x: Tensor) -> Tensor:
    """The echo estimate [S, 2, F]."""
    return torch.stack([part.sum(1) for part in _times(weights, x)], 1)


def _along(profile: Tensor, power: Tensor) -> Tensor:
    return (profile[:, None] * power).sum(1, True)


def _share(kernel: Callable[..., None], signals: int, tensors: tuple[Tensor, ...], *options: float) -> None:
    """Run a kernel on all signals."""
    arrays = [z.detach().contiguous().numpy() for z in tensors]
    share(kernel, arrays, *options, tasks=signals, size=tensors[1].numel())
