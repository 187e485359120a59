"""The kernels from bands to bins: values and gradients of torch's operations, on any number of threads."""

import pytest
import torch

from aecbench.cancellers.deep.layers.band_decoder import BandDecoder, Parameters
from aecbench.cancellers.deep.parts.bands import triangles

SIGNALS, FRAMES, BANDS, BINS = 3, 5, 7, 33
DETAIL, FEATURES, OUTPUTS = 4, 2, 3


def inputs(dtype):
    """Return bands, bins and parameters; some of what is hidden is below 0 and some above."""
    torch.manual_seed(0)
    shapes = [(DETAIL, FEATURES), (DETAIL, BINS), (OUTPUTS, DETAIL), (OUTPUTS,)]
    bands = torch.randn(SIGNALS, FRAMES, DETAIL, BANDS, dtype=dtype, requires_grad=True)
    bins = torch.randn(SIGNALS, FRAMES, FEATURES, BINS, dtype=dtype)
    return bands, bins, Parameters(*(torch.randn(shape, dtype=dtype, requires_grad=True) for shape in shapes))


@pytest.mark.usefixtures("any_threads")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_values_and_gradients_are_those_of_torch(dtype):
    bands, bins, parameters = inputs(dtype)
    shapes = triangles(BINS, BANDS)
    decoder, weights = BandDecoder(shapes), torch.from_numpy(shapes).to(dtype)
    results, grads = [], []
    for decode in (decoder, decoder.plain):
        result = decode(bands, bins, weights, parameters)
        results.append(result.detach())
        loss = (result * torch.linspace(-1, 1, result.numel(), dtype=dtype).reshape(result.shape)).sum()
        grads.append(torch.autograd.grad(loss, [bands, *parameters]))
    close = 1e-4 if dtype == torch.float32 else 2e-6  # the sum of both triangles in a bin is 1 to single precision
    tolerance = {"rtol": close, "atol": close}
    torch.testing.assert_close(*results, **tolerance)
    torch.testing.assert_close(*grads, **tolerance)


def test_transposed_tensors_are_taken_as_they_are():
    bands, bins, parameters = inputs(torch.float32)
    shapes = triangles(BINS, BANDS)
    decoder, weights = BandDecoder(shapes), torch.from_numpy(shapes)
    turned = bands.detach().transpose(-1, -2).contiguous().transpose(-1, -2)
    bias = parameters.bias.detach().T.contiguous().T
    expected = decoder.plain(bands, bins, weights, parameters)
    torch.testing.assert_close(decoder(turned, bins, weights, parameters._replace(bias=bias)), expected)


@pytest.mark.parametrize("count", [4, 7, 16])
def test_bands_cover_every_bin_once(count):
    shapes = triangles(BINS, count)
    edges, share = BandDecoder(shapes)._bands
    assert list(edges[[0, -1]]) == [0, BINS]
    assert (edges[1:] >= edges[:-1]).all()
    assert ((share > 0) & (share <= 1)).all()
