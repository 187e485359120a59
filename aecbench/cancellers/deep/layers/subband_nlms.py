"""Subband NLMS as a differentiable layer: networks choose its step sizes, or its reference, and train through it.

S. Haykin, "Adaptive Filter Theory", Prentice Hall: the normalised LMS filter. Every bin of a short-time Fourier
transform has L complex taps along the frames. With x[l] = X[t - l], l = 0 ... L - 1, a frame t of a bin is

    e = Y - sum over l of w[l] x[l]           a-priori error: the weights are not conjugated, x is not either
    p = sum over l of |x[l]|² + delta
    w'[l] = w[l] + mu e x[l]* / p             x* is the complex conjugate; w' are the weights of frame t + 1
    E = e,  or a posteriori  E = Y - sum over l of w'[l] x[l] = (1 - mu (p - delta) / p) e.

The adjoint. For a real loss J the gradient of a complex z is, as everywhere in torch, z̄ = dJ/d(Re z) + i dJ/d(Im z)
= 2 dJ/dz*, so that dJ = Re(z̄* dz), and

    c = a b   gives  ā += c̄ b*,  b̄ += c̄ a*;        c = a b*  gives  ā += c̄ b,  b̄ += c̄* a;
    r = |x|²  gives  x̄ += 2 r̄ x;                    c = r a with r real gives  r̄ += Re(c̄* a),  ā += r c̄.

Let s = mu / p, n = p - delta, u = s e, and E = a e with a = 1, or a = 1 - s n a posteriori (post = 1, else 0). With the
gradients Ē from outside and w̄' from frame t + 1, the rules above give, backwards in time,

    ū = sum over l of w̄'[l] x[l]              from w' = w + u x*
    ā = Re(Ē* e)
    s̄ = Re(ū* e) - post n ā,                  μ̄ = s̄ / p
    n̄ = -post s ā - s s̄ / p                   the last term as ds/dp = -s / p
    ē = a Ē + s ū,                            Ȳ = ē
    X̄[t - l] += u w̄'[l]* - ē w[l]* + 2 n̄ x[l]
    w̄[l] = w̄'[l] - ē x[l]*.

Only X̄ needs the weights. They are stored every sqrt(T) frames or so and between these made again from the errors, by
the very updates of the forward pass. To run the updates backwards instead would store nothing, but the weights are
large for a moment whenever the reference is next to silent, and float32 loses digits on the way back from there.
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
from aecbench.cancellers.deep.layers.threads import in_kernels, share
from aecbench.errors import UsageError

__all__ = ["Output", "State", "SubbandNLMS", "plain_loop"]

REAL = {torch.complex64: torch.float32, torch.complex128: torch.float64}


class State(NamedTuple):
    """What the filter knows after a frame, complex. Detach both to end backpropagation there."""

    weights: Tensor  # [..., F, L] echo path; weights[..., l] belongs to the frame l before the newest
    reference: Tensor  # [..., F, L - 1] last frames, oldest first


class Output(NamedTuple):
    """What came of a stretch of frames."""

    error: Tensor  # [..., F, T] complex: the microphone less the echo estimate
    echo: Tensor  # [..., F, T] complex: the echo estimate
    state: State  # after the last frame


@dataclass(frozen=True, slots=True)
class SubbandNLMS:
    """The layer. It has no parameters of its own; gradients reach reference, microphone, step size and first state.

    On the CPU it runs as one kernel forwards and one backwards, on as many threads as torch has; elsewhere as
    `plain_loop`. Gradients of gradients are not to be had.
    """

    taps: int = 10  # L frames
    delta: float = 1e-6  # added to |x|², in its units; above 0
    posterior: bool = False  # the output is the a-posteriori error
    detach: int = 0  # the weights are detached every so many frames: truncated backpropagation; 0 is never

    def __post_init__(self) -> None:
        check_range(self, "taps", 1, whole=True)
        check_range(self, "delta", 1e-30)
        check_range(self, "detach", 0, whole=True)

    def init(self, mic: Tensor) -> State:
        """The state before the first frame of signals like mic [..., F, T]: an echo path of zeros."""
        return State(mic.new_zeros(*mic.shape[:-1], self.taps), mic.new_zeros(*mic.shape[:-1], self.taps - 1))

    def __call__(self, reference: Tensor, mic: Tensor, step_size: Tensor, state: State | None = None) -> Output:
        """Filter and adapt, frame after frame.

        Reference and mic are [..., F, T] complex, step_size [..., F, T] real, in 0 ... 1: 0 keeps the weights, 1 is
        fastest. Pass the state of the output before to go on from there. Raises UsageError for shapes or types that
        do not match.
        """
        state = state or self.init(mic)
        self._check(reference, mic, step_size, state)
        x = torch.cat([state.reference, reference], -1)
        by_frame = (_by_frame(z) for z in (x, mic, step_size, state.weights))
        adapt: Callable[..., tuple[Tensor, Tensor]] = Adapt.apply if in_kernels(mic) else plain_loop
        error, weights = adapt(*by_frame, self.delta, self.posterior, self.detach)
        error = error.mT.reshape(mic.shape)
        weights = weights.mT.reshape(state.weights.shape)
        return Output(error, mic - error, State(weights, x[..., x.shape[-1] - self.taps + 1 :]))

    def step(self, state: State, reference: Tensor, mic: Tensor, step_size: Tensor) -> tuple[State, Tensor]:
        """One frame: reference, mic and step_size [..., F] -> next state, error [..., F]."""
        out = self(reference[..., None], mic[..., None], step_size[..., None], state)
        return out.state, out.error[..., 0]

    def _check(self, reference: Tensor, mic: Tensor, step_size: Tensor, state: State) -> None:
        bins = mic.shape[:-1]
        for name, z, shape in (
            ("reference", reference, mic.shape),
            ("step_size", step_size, mic.shape),
            ("state.weights", state.weights, (*bins, self.taps)),
            ("state.reference", state.reference, (*bins, self.taps - 1)),
        ):
            if z.shape != shape:
                raise UsageError(f"SubbandNLMS: {name} is {list(z.shape)}, expected {list(shape)} to go with mic")
        kinds = {z.dtype for z in (reference, mic, *state)}
        if kinds - {mic.dtype} or REAL.get(mic.dtype) != step_size.dtype:
            got = ", ".join(sorted(str(kind) for kind in {*kinds, step_size.dtype}))
            raise UsageError(f"SubbandNLMS: types are {got}; expected complex64 and float32, or complex128 and float64")


def plain_loop(
    x: Tensor, mic: Tensor, step_size: Tensor, weights: Tensor, delta: float, posterior: bool, detach: int
) -> tuple[Tensor, Tensor]:
    """The layer frame by frame in torch, on any device: x [S, L - 1 + T, F], mic and step_size [S, T, F].

    Returns error [S, T, F] and weights [S, L, F], of which the tap of the newest frame is the first.
    """
    windows = x.unfold(1, weights.shape[1], 1).transpose(2, 3)  # [S, T, L, F], oldest first
    power = (windows.real.square() + windows.imag.square()).sum(2)
    scale = step_size / (power + delta)
    w, errors = weights.flip(1), []
    for t, (now, d, s) in enumerate(zip(windows.unbind(1), mic.unbind(1), scale.unbind(1), strict=True)):
        if detach and t and t % detach == 0:
            w = w.detach()
        e = d - (w * now).sum(1)
        w = w + (s * e)[:, None] * now.conj()
        errors.append(e)
    error = torch.stack(errors, 1) if errors else mic
    return (1 - scale * power) * error if posterior else error, w.flip(1)


class Adapt(torch.autograd.Function):
    """`plain_loop`, in kernels."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        mic: Tensor,
        step_size: Tensor,
        weights: Tensor,
        delta: float,
        posterior: bool,
        detach: int,
    ) -> tuple[Tensor, Tensor]:
        """Error and last weights. For the way back, a-priori errors and some weights are kept."""
        frames = mic.shape[1]
        segments = -(-frames // max(isqrt(frames), 1)) if ctx.needs_input_grad[0] else min(frames, 1)
        checkpoints = weights.new_empty(mic.shape[0], segments, *weights.shape[1:])
        last = weights.clone(memory_format=torch.contiguous_format)
        prior = torch.empty_like(mic, memory_format=torch.contiguous_format)
        error = torch.empty_like(prior) if posterior else prior
        _share(kernels.adapt, prior, (x, mic, step_size, last, checkpoints, prior, error), delta, float(posterior))
        ctx.save_for_backward(x, step_size, checkpoints, prior)
        ctx.options = delta, posterior, detach
        return error, last

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_error: Tensor, grad_last: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of all tensors, that of x where it is asked for."""
        x, step_size, checkpoints, prior = ctx.saved_tensors
        delta, posterior, detach = ctx.options
        through_x = ctx.needs_input_grad[0]
        weights = grad_last.clone(memory_format=torch.contiguous_format).resolve_conj().resolve_neg()
        grads = torch.zeros_like(x if through_x else x[:0]), torch.empty_like(prior), torch.empty_like(step_size)
        arrays = (x, step_size, checkpoints, prior, grad_error, weights, *grads)
        _share(kernels.adapt_back, prior, arrays, delta, float(posterior), detach, through_x)
        return grads[0] if through_x else None, grads[1], grads[2], weights, None, None, None


def _by_frame(z: Tensor) -> Tensor:
    """[..., F, N] -> [S, N, F], contiguous."""
    return z.flatten(0, -3).mT.contiguous() if z.ndim > 2 else z.mT[None].contiguous()


def _share(kernel: Callable[..., None], like: Tensor, tensors: tuple[Tensor, ...], *options: float) -> None:
    """Run all tasks of a kernel."""
    arrays = [_pairs(z) for z in tensors]
    share(kernel, arrays, *options, tasks=kernels.tasks(like.shape[0], like.shape[2]), size=like.numel())


def _pairs(z: Tensor) -> NDArray[Any]:
    """The tensor as the kernels take it; they write to it only where it was made to be written to."""
    z = z.detach().resolve_conj().resolve_neg().contiguous()
    return (torch.view_as_real(z).flatten(-2) if z.is_complex() else z).numpy()
