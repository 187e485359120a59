"""Subband NLMS as a differentiable layer: networks control its step sizes or reference, and are trained through it.

S. Haykin, "Adaptive Filter Theory", Prentice Hall: the normalised LMS filter. Every bin of a short-time Fourier
transform has L complex taps across frames. With the microphone Y, the reference X and x[l] = X[t - l], l = 0 ... L - 1,
the filter computes in frame t of a bin

    e = Y - sum over l of w[l] x[l]           a-priori error; neither w nor x is conjugated
    p = sum over l of |x[l]|² + delta
    w'[l] = w[l] + mu e x[l]* / p             x* is the complex conjugate; w' are the weights of frame t + 1
    E = e,  or a posteriori  E = Y - sum over l of w'[l] x[l] = (1 - mu (p - delta) / p) e.

The adjoint. For a real loss J the gradient of a complex z is, as everywhere in torch, z̄ = dJ/d(Re z) + i dJ/d(Im z)
= 2 dJ/dz*, so that dJ = Re(z̄* dz), and

    c = a b   gives  ā += c̄ b*,  b̄ += c̄ a*;        c = a b*  gives  ā += c̄ b,  b̄ += c̄* a;
    r = |x|²  gives  x̄ += 2 r̄ x;                    c = r a with r real gives  r̄ += Re(c̄* a),  ā += r c̄.

Let s = mu / p, n = p - delta, u = s e, and E = a e with a = 1, or a = 1 - s n a posteriori (post = 1, else 0). With the
gradients Ē of the output and w̄' from frame t + 1, the rules above yield, backwards in time,

    ū = sum over l of w̄'[l] x[l]              from w' = w + u x*
    ā = Re(Ē* e)
    s̄ = Re(ū* e) - post n ā,                  μ̄ = s̄ / p
    n̄ = -post s ā - s s̄ / p                   the last term as ds/dp = -s / p
    ē = a Ē + s ū,                            Ȳ = ē
    X̄[t - l] += u w̄'[l]* - ē w[l]* + 2 n̄ x[l]
    w̄[l] = w̄'[l] - ē x[l]*.

Only X̄ needs the weights. They are stored about every sqrt(T) frames and recomputed in between, from the errors, by the
updates of the forward pass. Running the updates backwards would need no storage. However, the weights become very large
for a moment whenever the reference is almost silent, and undoing such updates in float32 loses precision.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import isqrt
from typing import Any, NamedTuple

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from aecbench.cancellers.base import check_range
from aecbench.cancellers.deep.layers import subband_nlms_kernels as kernels
from aecbench.cancellers.deep.layers.threads import in_kernels, run_on_threads
from aecbench.errors import UsageError

__all__ = ["Output", "State", "SubbandNLMS", "plain_loop"]

REAL = {torch.complex64: torch.float32, torch.complex128: torch.float64}


class State(NamedTuple):
    """The filter after a frame, complex. Detach both fields to stop backpropagation at this frame."""

    weights: Tensor  # [N, L, F] echo path; weights[:, l] is applied to the frame l frames before the newest
    reference: Tensor  # [N, L - 1, F] last frames, oldest first


class Output(NamedTuple):
    """The result of filtering T frames."""

    error: Tensor  # [N, T, F] complex: the microphone minus the echo estimate
    echo: Tensor  # [N, T, F] complex: the echo estimate
    state: State  # after the last frame


@dataclass(frozen=True, slots=True)
class SubbandNLMS:
    """The layer, which has no parameters of its own. Gradients flow to reference, microphone, step size and state.

    On the CPU, forward and backward pass are one kernel each, which runs on as many threads as torch uses; on other
    devices, the layer is `plain_loop`. The kernels do not support second derivatives. Raises UsageError for values out
    of range.
    """

    taps: int = 10  # L, the frames that the filter spans
    delta: float = 1e-6  # regularisation added to the sum of |x|², above 0
    posterior: bool = False  # True: the output is the a-posteriori error; False: the a-priori error

    def __post_init__(self) -> None:
        check_range(self, "taps", 1, whole=True)
        check_range(self, "delta", 1e-30)

    def init(self, mic: Tensor) -> State:
        """Return the state before the first frame of spectra like `mic` [N, T, F], with zero weights."""
        n, _, bins = mic.shape
        return State(mic.new_zeros(n, self.taps, bins), mic.new_zeros(n, self.taps - 1, bins))

    def __call__(self, reference: Tensor, mic: Tensor, step_size: Tensor, state: State | None = None) -> Output:
        """Filter and adapt frame by frame.

        reference and mic are complex, [N, T, F]; step_size is real, [N, T, F], from 0 (no adaptation) to 1 (fastest).
        Pass the state of the previous output to continue after its last frame. Raises UsageError for shapes or types
        that do not match.
        """
        state = state or self.init(mic)
        self._check(reference, mic, step_size, state)
        x = torch.cat([state.reference, reference], 1)
        adapt: Callable[..., tuple[Tensor, Tensor]] = Adapt.apply if in_kernels(mic) else plain_loop
        error, weights = adapt(x, mic, step_size, state.weights, self.delta, self.posterior)
        return Output(error, mic - error, State(weights, x[:, x.shape[1] - self.taps + 1 :]))

    def _check(self, reference: Tensor, mic: Tensor, step_size: Tensor, state: State) -> None:
        if mic.ndim != 3:
            raise UsageError(f"SubbandNLMS: mic is {list(mic.shape)}, expected [N, T, F]: batch, frames, bins")
        n, _, bins = mic.shape
        for name, z, shape in (
            ("reference", reference, mic.shape),
            ("step_size", step_size, mic.shape),
            ("state.weights", state.weights, (n, self.taps, bins)),
            ("state.reference", state.reference, (n, self.taps - 1, bins)),
        ):
            if z.shape != shape:
                raise UsageError(f"SubbandNLMS: {name} is {list(z.shape)}, expected {list(shape)} to go with mic")
        kinds = {z.dtype for z in (reference, mic, *state)}
        if kinds - {mic.dtype} or REAL.get(mic.dtype) != step_size.dtype:
            got = ", ".join(sorted(str(kind) for kind in {*kinds, step_size.dtype}))
            raise UsageError(f"SubbandNLMS: types are {got}; expected complex64 and float32, or complex128 and float64")


def plain_loop(
    x: Tensor, mic: Tensor, step_size: Tensor, weights: Tensor, delta: float, posterior: bool
) -> tuple[Tensor, Tensor]:
    """Run the layer frame by frame in torch, on any device: x [N, L - 1 + T, F], mic and step_size [N, T, F].

    Returns the error [N, T, F] and the weights [N, L, F] after the last frame, the tap of the newest frame first.
    """
    taps = weights.shape[1]
    power = (x.real.square() + x.imag.square()).unfold(1, taps, 1).sum(-1)
    scale = step_size / (power + delta)
    w, errors = weights.flip(1), []
    for t in range(mic.shape[1]):
        frames = x[:, t : t + taps]  # oldest first, as w
        e = mic[:, t] - (w * frames).sum(1)
        w = w + (scale[:, t] * e)[:, None] * frames.conj()
        errors.append(e)
    error = torch.stack(errors, 1) if errors else mic
    return (1 - scale * power) * error if posterior else error, w.flip(1)


class Adapt(torch.autograd.Function):
    """The same as `plain_loop`, computed in kernels."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, mic: Tensor, step_size: Tensor, weights: Tensor, delta: float, posterior: bool
    ) -> tuple[Tensor, Tensor]:
        """Return the errors and the last weights; keep the a-priori errors and some weights for the backward pass."""
        frames = mic.shape[1]
        segments = -(-frames // max(isqrt(frames), 1)) if ctx.needs_input_grad[0] else min(frames, 1)
        checkpoints = weights.new_empty(mic.shape[0], segments, *weights.shape[1:])
        last = weights.clone(memory_format=torch.contiguous_format)
        prior = torch.empty_like(mic, memory_format=torch.contiguous_format)
        error = torch.empty_like(prior) if posterior else prior
        signals = kernels.Signals(*_arrays(x, mic, step_size))
        out = kernels.Errors(*_arrays(prior, error, checkpoints))
        _run(kernels.adapt, (signals, _array(last), out), delta, posterior)
        ctx.save_for_backward(x, step_size, checkpoints, prior)
        ctx.settings = delta, posterior
        return error, last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_error: Tensor, grad_last: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of all tensors, and of x only if it requires one."""
        x, step_size, checkpoints, prior = ctx.saved_tensors
        through_x = ctx.needs_input_grad[0]
        weights = grad_last.clone(memory_format=torch.contiguous_format).resolve_conj().resolve_neg()
        grads = torch.zeros_like(x if through_x else x[:0]), torch.empty_like(prior), torch.empty_like(step_size)
        record = kernels.Record(*_arrays(x, step_size, prior, checkpoints, grad_error))
        _run(kernels.adapt_back, (record, _array(weights), kernels.Signals(*_arrays(*grads))), *ctx.settings)
        return grads[0] if through_x else None, grads[1], grads[2], weights, None, None


def _run(kernel: Callable[..., None], arguments: tuple[Any, ...], delta: float, posterior: bool) -> None:
    """Run all tasks of a kernel; `arguments` are its signals or record, its weights, and its output."""
    step_size = arguments[0].step_size
    real = step_size.dtype.type
    settings = kernels.Settings(real(delta), real(posterior))
    signals, _, bins = step_size.shape
    run_on_threads(kernel, (*arguments, settings), kernels.tasks(signals, bins), step_size.size)


def _arrays(*tensors: Tensor) -> list[NDArray[Any]]:
    return [_array(z) for z in tensors]


def _array(z: Tensor) -> NDArray[Any]:
    """Return a tensor as an array of real numbers for the kernels, as a view if it is contiguous."""
    z = z.detach().resolve_conj().resolve_neg().contiguous()
    return (torch.view_as_real(z).flatten(-2) if z.is_complex() else z).numpy()
