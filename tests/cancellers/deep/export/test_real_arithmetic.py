"""Recorded programs of complex tensors, run in real arithmetic."""

import pytest
import torch
from torch import nn

from aecbench.cancellers.deep.export.real_arithmetic import RealArithmetic
from aecbench.errors import UsageError

pytestmark = pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # torch's own


class Program(nn.Module):
    """Runs a function of real tensors."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.turn = nn.Buffer(torch.tensor([1j, -1j, 2 + 1j]))

    def forward(self, a, b):
        """Return what the function returns."""
        return self.function(a, b, self.turn)


def polar(a, b, turn):
    z = torch.polar(a.abs(), b)
    return torch.stack([z.real, (z * turn).imag], -2)


def products(a, b, turn):
    z, w = torch.complex(a, b), torch.complex(b, a)
    z = (z * w.conj() - 2 * z / (1 + b.square())) * turn
    return torch.view_as_real(z.unsqueeze(1).sum(0)) * 2


def parts(a, b, turn):
    z = torch.view_as_complex(torch.stack([a, b], -1))
    first, *others = torch.cat([z.flip(0), z[1:], a.to(z.dtype)]).unbind()
    return sum((other.real for other in others), first.imag)


def spectra(a, b, turn):
    z = torch.fft.rfft(torch.nn.functional.pad(a, (2, 1)))
    return torch.lerp(torch.fft.irfft(z * turn[0])[..., :3], b, 0.3) + b[:, torch.tensor([2, 0, 1])]


def mixtures(a, b, turn):
    z = torch.complex(a, b)
    z = (z + a) / (b.abs() + 1j * z) - (2 + 1j) * b.reshape(8, 3) + (1 - z)
    z = torch.where(a > 0, z, b.to(z.dtype)).transpose(0, 1).mean(0)
    return z.abs() + z.square().real.sum()


@pytest.mark.parametrize("function", [polar, products, parts, spectra, mixtures])
def test_the_numbers_are_those_of_complex_arithmetic(function):
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(8, 3, generator=generator) for _ in range(2))
    program = Program(function)
    recorded = torch.export.export(program, (a, b)).run_decompositions({})
    given = RealArithmetic(recorded.module(check_guards=False)).run(a, b)
    torch.testing.assert_close(given, program(a, b), rtol=1e-5, atol=1e-5)


def test_no_complex_tensor_is_left():
    a = torch.ones(8, 3)
    recorded = torch.export.export(Program(products), (a, a)).run_decompositions({})

    class Again(nn.Module):
        def __init__(self):
            super().__init__()
            self.program = recorded.module(check_guards=False)

        def forward(self, a, b):
            return RealArithmetic(self.program).run(a, b)

    again = torch.export.export(Again(), (a, a))
    values = [node.meta["val"] for node in again.graph.nodes if node.op == "call_function"]
    assert values
    assert not any(value.is_complex() for value in values if isinstance(value, torch.Tensor))


def test_another_operation_is_refused():
    a = torch.ones(8, 3)
    program = Program(lambda a, b, turn: torch.complex(a, b).exp().real)
    recorded = torch.export.export(program, (a, a)).run_decompositions({})
    with pytest.raises(UsageError, match=r"cannot export aten\.exp\.default of complex tensors; write it"):
        RealArithmetic(recorded.module(check_guards=False)).run(a, a)
