import pytest
import torch

from aecbench.cancellers.deep.layers import subband_nlms_kernels as kernels
from aecbench.cancellers.deep.layers.subband_nlms import Adapt, State, SubbandNLMS, plain_loop
from aecbench.errors import UsageError


def make_signals(batch: int = 1, bins: int = 5, frames: int = 11, dtype: torch.dtype = torch.complex64, seed: int = 0):
    """Return reference, microphone and step sizes [N, T, F]."""
    generator = torch.Generator().manual_seed(seed)
    shape = (batch, frames, bins)
    x, d = (torch.randn(shape, dtype=dtype, generator=generator) for _ in range(2))
    return x, d, torch.rand(shape, dtype=x.real.dtype, generator=generator)


def make_state(layer: SubbandNLMS, mic: torch.Tensor, seed: int = 1) -> State:
    generator = torch.Generator().manual_seed(seed)
    return State(*(torch.randn(z.shape, dtype=z.dtype, generator=generator) for z in layer.init(mic)))


def by_hand(x, d, mu, state, delta, posterior):
    """The equations of the docstring for one bin, in Python's numbers."""
    taps = len(state.weights)
    past, w, errors = [*state.reference.tolist(), *x.tolist()], state.weights.tolist(), []
    for t in range(len(d)):
        now = [past[t + taps - 1 - tap] for tap in range(taps)]
        p = sum(abs(value) ** 2 for value in now) + delta
        e = complex(d[t]) - sum(a * b for a, b in zip(w, now, strict=True))
        w = [a + float(mu[t]) * e * b.conjugate() / p for a, b in zip(w, now, strict=True)]
        errors.append(complex(d[t]) - sum(a * b for a, b in zip(w, now, strict=True)) if posterior else e)
    return torch.tensor(errors, dtype=d.dtype), torch.tensor(w, dtype=d.dtype)


def value_and_gradients(run, inputs):
    """What `run` returns and the gradients of a fixed random projection of it."""
    inputs = [z.clone().requires_grad_() for z in inputs]
    outputs = run(*inputs)
    generator = torch.Generator().manual_seed(2)
    seeds = [torch.randn(z.shape, dtype=torch.complex128, generator=generator).to(z.dtype) for z in outputs]
    return [*outputs, *torch.autograd.grad(outputs, inputs, seeds)]


def kernel_inputs(taps: int, **kwargs):
    """Return the tensors that `Adapt` and `plain_loop` take, for two signals."""
    layer = SubbandNLMS(taps)
    x, d, mu = make_signals(2, **kwargs)
    weights, past = make_state(layer, d)
    return [torch.cat([past, x], 1), d, mu, weights]


@pytest.fixture(params=[False, True], ids=["prior", "posterior"])
def posterior(request):
    return request.param


def test_layer_follows_its_equations(posterior):
    layer = SubbandNLMS(3, 0.1, posterior)
    x, d, mu = make_signals(dtype=torch.complex128)
    state = make_state(layer, d)
    out = layer(x, d, mu, state)
    for k in range(5):
        bin_state = State(*(z[0, :, k] for z in state))
        error, weights = by_hand(x[0, :, k], d[0, :, k], mu[0, :, k], bin_state, 0.1, posterior)
        torch.testing.assert_close(out.error[0, :, k], error)
        torch.testing.assert_close(out.state.weights[0, :, k], weights)
    torch.testing.assert_close(out.error + out.echo, d)


@pytest.mark.parametrize("taps", [1, 3])
def test_gradients_are_those_of_finite_differences(taps, posterior):
    inputs = [z.requires_grad_() for z in kernel_inputs(taps, bins=2, frames=6, dtype=torch.complex128)]
    assert torch.autograd.gradcheck(lambda *z: Adapt.apply(*z, 0.1, posterior), inputs)


@pytest.mark.parametrize("frames", [1, 2, 16, 23])
def test_kernels_agree_with_the_plain_loop(frames, posterior):
    inputs = kernel_inputs(4, frames=frames, dtype=torch.complex128)
    ours = value_and_gradients(lambda *z: Adapt.apply(*z, 0.1, posterior), inputs)
    theirs = value_and_gradients(lambda *z: plain_loop(*z, 0.1, posterior), inputs)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-10, atol=1e-10)


def test_float32_is_close_to_float64_even_around_silence(posterior):
    inputs = kernel_inputs(10, bins=40, frames=300, dtype=torch.complex128)
    inputs[0][:, 100:130] *= 1e-4  # the weights grow a hundredfold and come back
    single = [z.to(torch.complex64 if z.is_complex() else torch.float32) for z in inputs]
    exact = [z.to(b.dtype) for z, b in zip(single, inputs, strict=True)]
    ours = value_and_gradients(lambda *z: Adapt.apply(*z, 1e-6, posterior), single)
    theirs = value_and_gradients(lambda *z: plain_loop(*z, 1e-6, posterior), exact)
    for a, b in zip(ours, theirs, strict=True):
        assert torch.linalg.vector_norm(a - b) <= 1e-5 * torch.linalg.vector_norm(b)


def test_bins_of_several_tasks_and_threads_agree_with_the_plain_loop():
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        inputs = kernel_inputs(2, bins=2 * kernels.LANES + 1, frames=20)
        ours = value_and_gradients(lambda *z: Adapt.apply(*z, 0.1, False), inputs)
    finally:
        torch.set_num_threads(threads)
    theirs = value_and_gradients(lambda *z: plain_loop(*z, 0.1, False), inputs)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


def test_gradients_are_the_same_without_that_of_the_reference(posterior):
    x, d, mu = make_signals(2, dtype=torch.complex128)
    layer = SubbandNLMS(3, posterior=posterior)
    gradients = []
    for reference in (x, x.clone().requires_grad_()):
        mic, step_size = d.clone().requires_grad_(), mu.clone().requires_grad_()
        layer(reference, mic, step_size).error.abs().square().sum().backward()
        gradients.append((mic.grad, step_size.grad))
    for a, b in zip(*gradients, strict=True):
        torch.testing.assert_close(a, b)


def test_frame_by_frame_is_all_frames_at_once(posterior):
    layer = SubbandNLMS(3, posterior=posterior)
    x, d, mu = make_signals(3)
    whole = layer(x, d, mu)
    state, errors = layer.init(d), []
    for now in (slice(t, t + 1) for t in range(d.shape[1])):
        out = layer(x[:, now], d[:, now], mu[:, now], state)
        state = out.state
        errors.append(out.error)
    torch.testing.assert_close(torch.cat(errors, 1), whole.error, rtol=1e-5, atol=1e-5)
    for a, b in zip(state, whole.state, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)


def test_gradients_flow_through_the_state():
    layer = SubbandNLMS(3)
    inputs = make_signals(2, frames=12, dtype=torch.complex128)

    def in_halves(x, d, mu):
        first = layer(x[:, :5], d[:, :5], mu[:, :5])
        second = layer(x[:, 5:], d[:, 5:], mu[:, 5:], first.state)
        return [torch.cat([first.error, second.error], 1)]

    for a, b in zip(
        value_and_gradients(in_halves, inputs),
        value_and_gradients(lambda *z: [layer(*z).error], inputs),
        strict=True,
    ):
        torch.testing.assert_close(a, b)


def test_batching_changes_nothing():
    layer = SubbandNLMS(3)
    x, d, mu = make_signals(3)
    one_by_one = [layer(x[n : n + 1], d[n : n + 1], mu[n : n + 1]).error for n in range(3)]
    torch.testing.assert_close(layer(x, d, mu).error, torch.cat(one_by_one), rtol=1e-5, atol=1e-5)


def test_an_echo_path_of_as_many_taps_is_found():
    x, _, _ = make_signals(bins=4, frames=400)
    path = make_state(SubbandNLMS(3), x).weights
    echo = sum(path[:, tap : tap + 1] * torch.nn.functional.pad(x, (0, 0, tap, 0))[:, :400] for tap in range(3))
    out = SubbandNLMS(3)(x, echo, torch.ones(1, 400, 4))
    torch.testing.assert_close(out.state.weights, path, rtol=1e-3, atol=1e-3)


def test_the_posterior_error_is_never_above_the_prior():
    x, d, mu = make_signals(2, frames=50)
    prior, after = (SubbandNLMS(3, posterior=flag)(x, d, mu).error.abs() for flag in (False, True))
    assert (after <= prior).all()
    assert after.sum() < 0.9 * prior.sum()


def test_a_silent_reference_leaves_the_microphone_and_finite_gradients():
    x, d, mu = make_signals()
    inputs = [z.requires_grad_() for z in (0 * x, d, mu)]
    out = SubbandNLMS(3)(*inputs)
    assert torch.equal(out.error, d)
    out.error.abs().sum().backward()
    assert all(torch.isfinite(z.grad).all() for z in inputs)


def test_lazily_conjugated_inputs_are_taken_at_their_value():
    x, d, mu = make_signals(2)
    layer = SubbandNLMS(3)
    lazy = layer(x.conj(), d.conj(), mu)
    torch.testing.assert_close(lazy.error, layer(x.conj().clone(), d.conj().resolve_conj(), mu).error)
    torch.testing.assert_close(lazy.error, layer(x, d, mu).error.conj())


def test_memory_for_the_way_back_grows_with_frames_but_for_sqrt_of_them_per_tap():
    kept = []

    def pack(z: torch.Tensor) -> torch.Tensor:
        kept.append(z.numel())
        return z

    x, d, mu = make_signals(bins=3, frames=400)
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda z: z):
        SubbandNLMS(10)(x.requires_grad_(), d, mu)
    assert sum(kept) <= 3 * (400 + 9 + 400 + 400 + 20 * 10)


@pytest.mark.parametrize(("field", "value"), [("taps", 0), ("taps", 1.5), ("delta", 0), ("delta", float("nan"))])
def test_fields_out_of_range_are_refused(field, value):
    with pytest.raises(UsageError, match=field):
        SubbandNLMS(**{field: value})


def test_shapes_and_types_that_do_not_match_are_refused():
    x, d, mu = make_signals()
    layer = SubbandNLMS(3)
    with pytest.raises(UsageError, match="reference is"):
        layer(x[..., :2], d, mu)
    with pytest.raises(UsageError, match="batch, frames, bins"):
        layer(x[0], d[0], mu[0], layer.init(d))
    with pytest.raises(UsageError, match=r"state\.weights is"):
        layer(x, d, mu, SubbandNLMS(4).init(d))
    with pytest.raises(UsageError, match="complex64 and float32"):
        layer(x, d, mu.double())
