"""A program that torch has recorded, run in real arithmetic: every complex tensor is a pair of real ones.

Exporters to ONNX, which has no complex numbers, put real and imaginary part next to each other on a last axis, and take
them apart and put them together for every operation. Here both are tensors of their own, so that what concerns one part
costs nothing, and a product costs its multiplications. Transforms are products of matrices, fourier.py.

Some operations on real tensors take another form too, which runtimes process faster than the exporter's.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils._pytree import tree_any, tree_map

from aecbench.cancellers.deep.export import fourier
from aecbench.errors import UsageError

__all__ = ["RealArithmetic"]

aten = torch.ops.aten


@dataclass(frozen=True)
class Complex:
    """A complex tensor; where an operation returns several tensors, lists of parts."""

    real: Any
    imag: Any


@dataclass(frozen=True)
class Pairs:
    """A complex tensor as torch.view_as_real shows it: [..., 2]."""

    of: Complex


class RealArithmetic(fx.Interpreter):
    """Runs a program whose inputs and outputs are real. Raises UsageError for an operation not listed here."""

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        """Run an operation."""
        if target not in (aten.select.int, aten.view_as_complex.default):
            args, kwargs = tree_map(_stacked, (args, kwargs))
        if target in OPERATIONS:
            return OPERATIONS[target](*args, **kwargs)
        if not tree_any(_is_complex, (args, kwargs)):
            return super().call_function(target, args, kwargs)
        if target not in EACH:
            raise UsageError(f"cannot export {target} of complex tensors; write it with their real and imaginary parts")
        return Complex(*(target(*tree_map(part, args), **tree_map(part, kwargs)) for part in (_real, _imag)))

    def get_attr(self, target: Any, args: Any, kwargs: Any) -> Any:
        """Return a constant."""
        value = super().get_attr(target, args, kwargs)
        return Complex(value.real, value.imag) if isinstance(value, Tensor) and value.is_complex() else value


def _is_complex(value: Any) -> bool:
    return isinstance(value, Complex | complex)


def _stacked(value: Any) -> Any:
    return torch.stack([value.of.real, value.of.imag], -1) if isinstance(value, Pairs) else value


def _real(value: Any) -> Any:
    return value.real if isinstance(value, Complex) else value


def _imag(value: Any) -> Any:
    if isinstance(value, Tensor) and value.is_floating_point():
        return torch.zeros_like(value)
    return value.imag if isinstance(value, Complex) else value


def _parts(value: Any) -> tuple[Any, Any]:
    """Return real and imaginary part of a tensor or a number."""
    return (value.real, value.imag) if isinstance(value, Complex | complex) else (value, 0)


def _add(a: Any, b: Any, *, alpha: Any = 1) -> Any:
    if alpha != 1:
        b = _mul(b, alpha)
    if isinstance(a, Complex) and isinstance(b, Complex):
        return Complex(a.real + b.real, a.imag + b.imag)
    if not tree_any(_is_complex, (a, b)):
        return a + b
    (real, imag), (more, other) = _parts(a), _parts(b)
    total = real + more
    return Complex(total, (imag + other).expand_as(total))


def _sub(a: Any, b: Any, *, alpha: Any = 1) -> Any:
    if isinstance(a, Complex) and isinstance(b, Complex) and alpha == 1:
        return Complex(a.real - b.real, a.imag - b.imag)
    return _add(a, b, alpha=-alpha) if tree_any(_is_complex, (a, b)) else aten.sub.Tensor(a, b, alpha=alpha)


def _mul(a: Any, b: Any) -> Any:
    if not tree_any(_is_complex, (a, b)):
        return a * b
    if not isinstance(a, Complex):
        a, b = b, a
    if not _is_complex(b):
        return Complex(a.real * b, a.imag * b)
    return Complex(a.real * b.real - a.imag * b.imag, a.real * b.imag + a.imag * b.real)


def _div(a: Any, b: Any) -> Any:
    if not _is_complex(b):
        return Complex(a.real / b, a.imag / b) if isinstance(a, Complex) else a / b
    power = b.real * b.real + b.imag * b.imag
    return _mul(Complex(b.real / power, -b.imag / power), a)


def _abs(x: Any) -> Any:
    return (x.real.square() + x.imag.square()).sqrt() if isinstance(x, Complex) else x.abs()


def _select(x: Any, dim: int, index: int) -> Any:
    if isinstance(x, Pairs):
        parts = x.of.real, x.of.imag
        return parts[index] if dim % (parts[0].ndim + 1) == parts[0].ndim else _stacked(x).select(dim, index)
    if isinstance(x, Complex):
        return Complex(x.real.select(dim, index), x.imag.select(dim, index))
    return x.select(dim, index)


def _to(x: Any, **kwargs: Any) -> Any:
    kind = kwargs.get("dtype")
    if isinstance(x, Complex) or kind is None or not kind.is_complex:
        return x if isinstance(x, Complex) else aten._to_copy.default(x, **kwargs)
    return Complex(x, torch.zeros_like(x))


def _sum(x: Any, axes: list[int], keep: bool = False) -> Any:
    """Return a sum; over one axis it is a product with ones: onnxruntime is several times as fast as with ReduceSum."""
    if isinstance(x, Complex):
        return Complex(_sum(x.real, axes, keep), _sum(x.imag, axes, keep))
    axis = axes[0] % x.ndim
    if len(axes) > 1 or x.shape[axis] < 3 or axis == x.ndim - 1:
        return x.sum(axes, keep)
    total = x.new_ones(1, x.shape[axis]) @ x.reshape(*x.shape[: axis + 1], -1)
    return total.reshape(x.sum(axes, keep).shape)


def _index(x: Tensor, indices: list[Tensor | None]) -> Any:
    chosen = [(axis, index) for axis, index in enumerate(indices) if index is not None]
    axis, index = chosen[0]
    plain = len(chosen) == 1 and index.ndim == 1 and index.dtype == torch.int64
    return x.index_select(axis, index) if plain else aten.index.Tensor(x, indices)


def _pad(x: Tensor, widths: list[int], mode: str = "constant", value: float | None = None) -> Tensor:
    if len(widths) > 2 or mode != "constant" or value:
        return torch.nn.functional.pad(x, widths, mode, value)
    before, after = (x.new_zeros(*x.shape[:-1], width) for width in widths)
    return torch.cat([part for part in (before, x, after) if part.shape[-1]], -1)


def _unfold(x: Tensor, dim: int, size: int, step: int) -> Tensor:
    dim %= x.ndim
    windows = [x.narrow(dim, start, size) for start in range(0, x.shape[dim] - size + 1, step)]
    return torch.stack(windows, dim).movedim(dim + 1, -1)


def _same(x: Any, **_: Any) -> Any:
    return x


OPERATIONS: dict[Any, Callable[..., Any]] = {
    aten._assert_tensor_metadata.default: lambda *_, **__: None,
    aten._conj.default: lambda z: Complex(z.real, -z.imag),
    aten._to_copy.default: _to,
    aten.abs.default: _abs,
    aten.add.Tensor: _add,
    aten.alias.default: _same,
    aten.complex.default: Complex,
    aten.detach.default: _same,
    aten.div.Tensor: _div,
    aten.fft_irfft.default: lambda z: fourier.irfft(z.real, z.imag),
    aten.fft_rfft.default: lambda x: Complex(*fourier.rfft(x)),
    aten.index.Tensor: _index,
    aten.lerp.Scalar: lambda a, b, weight: a * (1 - weight) + b * weight,
    aten.lerp.Tensor: lambda a, b, weight: a + (b - a) * weight,
    aten.mul.Tensor: _mul,
    aten.pad.default: _pad,
    aten.polar.default: lambda size, angle: Complex(size * angle.cos(), size * angle.sin()),
    aten.rsub.Scalar: lambda x, number: _sub(number, x) if isinstance(x, Complex) else number - x,
    aten.select.int: _select,
    aten.square.default: lambda x: _mul(x, x),
    aten.sub.Tensor: _sub,
    aten.sum.dim_IntList: _sum,
    aten.unfold.default: _unfold,
    aten.view_as_complex.default: lambda x: x.of if isinstance(x, Pairs) else Complex(x[..., 0], x[..., 1]),
    aten.view_as_real.default: Pairs,
}
"""Operations on complex tensors, and those that onnxruntime does faster in another form."""

EACH = {
    aten.cat.default,
    aten.clone.default,
    aten.expand.default,
    aten.flip.default,
    aten.index_select.default,
    aten.mean.dim,
    aten.neg.default,
    aten.new_zeros.default,
    aten.permute.default,
    aten.repeat.default,
    aten.slice.Tensor,
    aten.split.Tensor,
    aten.squeeze.dim,
    aten.stack.default,
    aten.sum.default,
    aten.transpose.int,
    aten.unbind.int,
    aten.unsqueeze.default,
    aten.view.default,
    aten.where.self,
    aten.zeros_like.default,
    operator.getitem,
}
"""Operations that do the same to both parts."""
