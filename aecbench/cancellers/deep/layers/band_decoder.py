"""The output layers of networks that process bands: from numbers per band and features per bin to numbers per bin.

With triangles c[k, b] over the bands b, which sum to 1 in every bin k, and numbers z[d, b] and features x[i, k] of a
frame, the output is

    h[d, k] = sum over b of c[k, b] z[d, b] + sum over i of V[d, i] x[i, k] + a[d, k]
    y[o, k] = sum over d of W[o, d] max(h[d, k], 0) + w[o].

The layer is limited by memory bandwidth: torch makes several passes through memory, a kernel makes one and takes a
third of the time.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from aecbench.cancellers.deep.layers import band_decoder_kernels as kernels
from aecbench.cancellers.deep.layers.band_decoder_kernels import Bands, Gradients, Input, Parameters, bands_of
from aecbench.cancellers.deep.layers.threads import in_kernels, run_on_threads

__all__ = ["BandDecoder", "Parameters"]


class BandDecoder:
    """The layer, for triangles over the bands. It has no parameters of its own."""

    def __init__(self, triangles: np.ndarray) -> None:
        """Create the layer for `triangles` [F, B]; only neighbouring ones may overlap."""
        self._bands = bands_of(triangles)

    def __call__(self, bands: Tensor, bins: Tensor, triangles: Tensor, parameters: Parameters) -> Tensor:
        """Return numbers [N, T, O, F] for bands [N, T, D, B] and bins [N, T, S, F]; the latter have no gradient.

        `triangles` have to be on the device of the tensors. A kernel processes several frames on the CPU; other inputs
        are left to `plain`.
        """
        kinds = {z.dtype for z in (bands, bins, *parameters)}
        if not in_kernels(bins) or len(kinds) > 1 or bins.shape[1] == 1:
            return self.plain(bands, bins, triangles, parameters)
        features = bins.detach()
        shape = self._bands._replace(share=self._bands.share.astype(features.numpy().dtype))
        decode: Callable[..., Tensor] = _Decode.apply
        return decode(shape, bands, features, *parameters)

    @staticmethod
    def plain(bands: Tensor, bins: Tensor, triangles: Tensor, parameters: Parameters) -> Tensor:
        """Return the same as `__call__`, computed in torch."""
        into, bias, out, out_bias = parameters
        hidden = torch.relu(bands @ triangles.T + into @ bins.detach() + bias)
        result: Tensor = out @ hidden + out_bias[:, None]
        return result


class _Decode(torch.autograd.Function):
    """The same as `BandDecoder.plain`, computed in kernels."""

    @staticmethod
    def forward(ctx: Any, shape: Bands, *tensors: Tensor) -> Tensor:
        """Return the numbers [N, T, O, F]."""
        bands, bins, *parameters = (z.contiguous() for z in tensors)
        ctx.shape = shape
        ctx.save_for_backward(bands, bins, *parameters)
        result = bins.new_empty(*bins.shape[:2], len(parameters[-1]), bins.shape[3])
        arguments = Input(*_arrays(bands, bins)), shape, Parameters(*_arrays(*parameters)), *_arrays(result)
        run_on_threads(kernels.decode, arguments, len(bins), bins.numel())
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of bands and parameters."""
        bands, bins, *parameters = ctx.saved_tensors
        by_signal = [z.new_zeros(len(bins), *z.shape) for z in parameters]
        grads = [torch.empty_like(bands), *by_signal]
        inputs = Input(*_arrays(bands, bins)), ctx.shape, Parameters(*_arrays(*parameters))
        arguments = *inputs, Gradients(*_arrays(grad.contiguous(), *grads))
        run_on_threads(kernels.decode_back, arguments, len(bins), bins.numel())
        return None, grads[0], None, *(z.sum(0) for z in by_signal)


def _arrays(*tensors: Tensor) -> list[Any]:
    return [z.detach().numpy() for z in tensors]
