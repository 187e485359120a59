"""A subband filter with a step size per frame and bin, as a differentiable layer: networks are trained through it.

T. Haubner, A. Brendel, W. Kellermann, "End-to-end deep learning-based adaptation control for linear acoustic echo
cancellation", IEEE/ACM Transactions on Audio, Speech, and Language Processing 32, 2024: the normalised step with two
masks. G. Enzner, P. Vary, "Frequency-domain adaptive Kalman filter for acoustic echo control in hands-free telephones",
Signal Processing 86(6), 2006: the error covariance, here reduced to its diagonal.

A bin has L complex taps w[l] across frames, each with an error variance p[l]. With x[l], the far end l frames ago, the
microphone d and, per bin and frame, a gain m from 0 to 1, a disturbance v > 0 and a drift q >= 0, the filter computes

    e = d - sum over l of w[l] x[l]                a-priori error; neither w nor x is conjugated
    a[l] = p[l] + q c[l]                           c is a profile over the taps, the same for all bins
    r = sum over l of a[l] |x[l]|²                 expected power of the residual echo
    s = m / (r + v)
    w'[l] = w[l] + s e a[l] x[l]*
    p'[l] = a[l] - k s |x[l]|² a[l]²               k = 1: Kalman filter; k = 0: NLMS with the taps weighted by a.

The a-posteriori error is (1 - s r) e. The normalised step size is s r, from 0 to 1.

The adjoint. With gradients as in subband_nlms.py, u = s e, and the gradients ē of e and σ̄ of s r from the output,

    ū = sum over l of a[l] w̄'[l] x[l]
    s̄ = Re(ū* e) + r σ̄ - k sum over l of p̄'[l] |x[l]|² a[l]²
    m̄ = s̄ / (r + v),  v̄ = -s̄ s / (r + v),  r̄ = s σ̄ + v̄
    ē += s ū,  d̄ = ē
    p̄[l] = ā[l] = p̄'[l] (1 - 2 k s |x[l]|² a[l]) + Re(w̄'[l]* u x[l]*) + r̄ |x[l]|²
    w̄[l] = w̄'[l] - ē x[l]*,  q̄ = sum over l of c[l] ā[l],  c̄[l] = sum over all bins and frames of q ā[l].

    x̄[l] += a[l] u w̄'[l]* - w[l]* ē + 2 a[l] (r̄ - k s a[l] p̄'[l]) x[l]

The backward pass needs the errors and a, which are stored. For x̄, it recovers the weights by subtracting one update
after the other from the weights after the last frame.

A filter with several inputs has taps for each of them; `Signals.place` says which frame belongs to which tap. Nothing
else changes.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from aecbench.cancellers.deep.layers import step_size_filter_kernels as kernels
from aecbench.cancellers.deep.layers.step_size_filter_kernels import Prediction, Settings, Signals, State, Window
from aecbench.cancellers.deep.layers.threads import in_gpu_kernels, in_kernels, run_on_threads

__all__ = [
    "Adapt",
    "Adapted",
    "Prediction",
    "Settings",
    "Signals",
    "State",
    "Window",
    "adapt",
    "places",
    "plain_loop",
    "planes",
    "predict",
]


class Adapted(NamedTuple):
    """The result of filtering T frames. Complex numbers are pairs of planes, see `planes`."""

    error: Tensor  # [N, T, 2, F] a-priori error
    step_size: Tensor  # [N, T, F] normalised step size, 0 to 1
    weights: Tensor  # [N, L, 2, F] after the last frame, the tap of the newest frame first
    covariance: Tensor  # [N, L, F] error variance of the weights after the last frame


class Taps(NamedTuple):
    """The far end at all taps."""

    real: Tensor  # [N, L, 1, F]
    imag: Tensor  # [N, L, 1, F]
    power: Tensor  # [N, L, F]


def places(taps: Sequence[int]) -> Tensor:
    """Return the index of each tap's frame among the frames of all inputs, which are interleaved, oldest first.

    `taps` is the number of taps per input. The taps of the first input come first, each time the newest frame first.

    >>> places([3]).tolist(), places([3, 2]).tolist()
    ([2, 1, 0], [4, 2, 0, 5, 3])
    """
    oldest, inputs = max(taps) - 1, len(taps)
    return torch.tensor([inputs * (oldest - lag) + i for i, count in enumerate(taps) for lag in range(count)])


def planes(z: Tensor) -> Tensor:
    """Convert complex [..., F] to real [..., 2, F]: real and imaginary parts."""
    return torch.stack([z.real, z.imag], -2)


def predict(window: Window, state: State) -> Prediction:
    """Return the prediction of one frame before the filter adapts to it; call it without gradients."""
    far, mic, profile, place = window
    if not _in_kernels(mic):
        taps = _taps(far, place)
        error = mic - _echo(state.weights, taps)[:, None]
        return Prediction(error, (state.covariance * taps.power).sum(1, True), profile @ taps.power[:, None])
    n, _, _, bins = mic.shape
    out = Prediction(mic.new_empty(mic.shape), mic.new_empty(n, 1, bins), mic.new_empty(n, 1, bins))
    _run("predict", (window, state, out), mic)
    return out


def adapt(signals: Signals, state: State, settings: Settings) -> Adapted:
    """Filter and adapt frame by frame: in kernels on the CPU and on a CUDA device, elsewhere by `plain_loop`.

    Gradients flow to all signals and to the state.
    """
    if _in_kernels(signals.mic) and not torch.is_grad_enabled():
        out, after = _adapt(settings, signals, state, history=False)
        return Adapted(out.error, out.step_size, *after)
    run: Callable[..., tuple[Tensor, ...]] = Adapt.apply if _in_kernels(signals.mic) else plain_loop
    return Adapted(*run(settings, *signals, *state))


def plain_loop(settings: Settings, *tensors: Tensor) -> tuple[Tensor, ...]:
    """Compute `adapt` frame by frame in torch, on any device; `tensors` are the fields of signals and state."""
    (far, mic, gain, disturbance, drift, profile, place), (weights, covariance) = _split(tensors)
    errors, steps = [], []
    for t in range(mic.shape[1]):
        if settings.truncation and t and t % settings.truncation == 0:
            weights, covariance = weights.detach(), covariance.detach()
        taps = _taps(far, place + settings.inputs * t)
        error = mic[:, t] - _echo(weights, taps)
        a = covariance + drift[:, t, None] * profile[:, None]
        weighted = a * taps.power
        r = weighted.sum(1)
        s = gain[:, t] / (r + disturbance[:, t])
        u = (s[:, None] * error)[:, None]
        turned = torch.cat([u[:, :, 1:], -u[:, :, :1]], 2)  # -i u
        weights = weights + a[:, :, None] * (u * taps.real + turned * taps.imag)
        covariance = a - s[:, None] * weighted * a if settings.track else a
        errors.append(error)
        steps.append(s * r)
    return torch.stack(errors, 1), torch.stack(steps, 1), weights, covariance


class Adapt(torch.autograd.Function):
    """The same as `plain_loop`, computed in kernels."""

    @staticmethod
    def forward(ctx: Any, settings: Settings, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Return the results of `plain_loop`; keep errors and predicted covariances for the backward pass."""
        signals, initial = _split(tensors)
        out, state = _adapt(settings, signals, initial, history=any(ctx.needs_input_grad))
        far, _, gain, disturbance, drift, profile, place = signals
        through_far = ctx.needs_input_grad[1]
        weights = state.weights if through_far else state.weights[:, :0]
        ctx.save_for_backward(far, gain, disturbance, drift, profile, place, out.error, out.history, weights)
        ctx.settings, ctx.through_far = settings, through_far
        return out.error, out.step_size, *state

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of all tensors but `place`, and of the far end only if it requires one."""
        far, gain, disturbance, drift, profile, place, error, history, weights = ctx.saved_tensors
        state = State(*(z.clone(memory_format=torch.contiguous_format) for z in grads[2:]))
        made = [torch.empty_like(z, memory_format=torch.contiguous_format) for z in (error, gain, disturbance, drift)]
        by_signal = profile.new_zeros(len(error), len(profile))
        by_far = torch.zeros_like(far[:, : None if ctx.through_far else 0], memory_format=torch.contiguous_format)
        weights = weights.clone(memory_format=torch.contiguous_format)
        record = kernels.Record(far, gain, disturbance, drift, profile, place, error, history, weights, *grads[:2])
        gradients = kernels.Gradients._make([by_far, *made, by_signal])
        _run("adapt_back", (record, state, gradients), gain, _numbers(ctx.settings))
        return None, by_far if ctx.through_far else None, *made, by_signal.sum(0), None, *state


def _adapt(settings: Settings, signals: Signals, state: State, *, history: bool) -> tuple[kernels.Output, State]:
    """Run the kernel on a copy of the state; return its output, with or without the history, and the next state."""
    n, frames, _, bins = signals.mic.shape
    after = State(*(z.clone(memory_format=torch.contiguous_format) for z in state))
    out = kernels.Output(
        error=torch.empty_like(signals.mic, memory_format=torch.contiguous_format),
        step_size=signals.mic.new_empty(n, frames, bins),
        history=signals.mic.new_empty(n, frames if history else 0, after.covariance.shape[1], bins),
    )
    _run("adapt", (signals, after, out), signals.mic, _numbers(settings))
    return out, after


def _in_kernels(like: Tensor) -> bool:
    return in_kernels(like) or in_gpu_kernels(like)


def _run(name: str, tensors: tuple[Any, ...], like: Tensor, *numbers: Settings) -> None:
    """Run the kernel of this name on the device of `like` [N, ...], one of its inputs; `tensors` are named tuples."""
    if like.device.type == "cpu":
        arrays = tuple(map(_arrays, tensors))
        run_on_threads(getattr(kernels, name), (*arrays, *numbers), len(like), like.numel())
        return
    from aecbench.cancellers.deep.layers import step_size_filter_gpu as gpu

    getattr(gpu, name)(*(values._make(z.detach().contiguous() for z in values) for values in tensors), *numbers)


def _split(tensors: tuple[Tensor, ...]) -> tuple[Signals, State]:
    count = len(Signals._fields)
    return Signals(*tensors[:count]), State(*tensors[count:])


def _taps(far: Tensor, place: Tensor) -> Taps:
    real, imag = far.index_select(1, place).chunk(2, 2)
    return Taps(real, imag, (real.square() + imag.square())[:, :, 0])


def _echo(weights: Tensor, taps: Taps) -> Tensor:
    """Return the echo estimate [N, 2, F]."""
    by_real, by_imag = (weights * taps.real).sum(1), (weights * taps.imag).sum(1)
    return torch.stack([by_real[:, 0] - by_imag[:, 1], by_real[:, 1] + by_imag[:, 0]], 1)


def _numbers(settings: Settings) -> Settings:
    """Return the settings with the types that the kernels expect."""
    return settings._replace(track=float(settings.track))


def _arrays(tensors: Any) -> Any:
    """Convert a named tuple of tensors to one of arrays."""
    return tensors._make(z.detach().contiguous().numpy() for z in tensors)
