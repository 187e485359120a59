"""The filter that is told its step sizes: kernels against plain loop, gradients, and what its recursion promises."""

import pytest
import torch

from aecbench.cancellers.deep.layers.step_size_filter import Adapt, adapt, plain_loop, planes, predict

TAPS = 3


def make_inputs(signals: int = 2, frames: int = 7, bins: int = 5, dtype: torch.dtype = torch.float64):
    """Far end, microphone, gain, disturbance, drift, profile, weights, covariance."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, dtype=dtype, generator=generator)

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, dtype=dtype, generator=generator)

    far, mic = normal(signals, TAPS - 1 + frames, 2, bins), normal(signals, frames, 2, bins)
    given = [uniform(signals, frames, bins) for _ in range(3)]
    given[1] += 0.1
    return [far, mic, *given, uniform(TAPS), normal(signals, TAPS, 2, bins), uniform(signals, TAPS, bins)]


def value_and_gradients(run, inputs, *options):
    """What `run` returns, and the gradients of a fixed random projection of it, of all but the far end."""
    inputs = [inputs[0], *(z.clone().requires_grad_() for z in inputs[1:])]
    outputs = run(*inputs, *options)
    generator = torch.Generator().manual_seed(2)
    seeds = [torch.randn(z.shape, dtype=z.dtype, generator=generator) for z in outputs]
    return [*outputs, *torch.autograd.grad(outputs, inputs[1:], seeds)]


@pytest.mark.parametrize("track", [True, False], ids=["kalman", "nlms"])
@pytest.mark.parametrize("truncation", [0, 1, 3])
@pytest.mark.parametrize("frames", [1, 7])
def test_kernels_and_plain_loop_agree_in_values_and_gradients(track, truncation, frames):
    inputs = make_inputs(frames=frames)
    pairs = zip(*(value_and_gradients(f, inputs, track, truncation) for f in (Adapt.apply, plain_loop)), strict=True)
    for one, other in pairs:
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("track", [True, False], ids=["kalman", "nlms"])
def test_gradients_are_those_of_finite_differences(track):
    inputs = [z.requires_grad_(i > 0) for i, z in enumerate(make_inputs(1, 4, 2))]
    assert torch.autograd.gradcheck(lambda *z: Adapt.apply(*z, track, 0), inputs)


def test_threads_change_nothing():
    inputs, before = make_inputs(4, 40, 100, torch.float32), torch.get_num_threads()
    results = []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        results.append(value_and_gradients(Adapt.apply, inputs, True, 0))
    torch.set_num_threads(before)
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_one_frame_after_the_other_is_all_at_once():
    far, mic, gain, disturbance, drift, profile, weights, covariance = make_inputs()
    together = adapt(far, mic, gain, disturbance, drift, profile, weights, covariance)
    for t in range(mic.shape[1]):
        now = slice(t, t + 1)
        given = (gain[:, now], disturbance[:, now], drift[:, now], profile, weights, covariance)
        one = adapt(far[:, t : t + TAPS], mic[:, now], *given)
        weights, covariance = one.weights, one.covariance
        torch.testing.assert_close(one.error, together.error[:, now])
    torch.testing.assert_close(weights, together.weights)
    torch.testing.assert_close(covariance, together.covariance)


def test_what_is_predicted_is_what_comes():
    far, mic, gain, disturbance, _, profile, weights, covariance = make_inputs(frames=1)
    error, uncertainty, power = predict(far, mic, profile, weights, covariance)
    out = adapt(far, mic, gain, disturbance, torch.zeros_like(gain), profile, weights, covariance)
    torch.testing.assert_close(error, out.error)
    torch.testing.assert_close(gain * uncertainty / (uncertainty + disturbance), out.step_size)
    flat = adapt(
        far, mic, gain, disturbance, torch.zeros_like(gain), profile, weights, profile[:, None] + 0 * covariance
    )
    torch.testing.assert_close(gain * power / (power + disturbance), flat.step_size)


def test_without_a_covariance_it_is_the_normalised_step_of_the_paper():
    far, mic, gain, disturbance, drift, _, weights, _ = make_inputs(1, 1, 1)
    out = adapt(
        far, mic, gain, disturbance, 0 * drift, torch.ones(TAPS).double(), weights, torch.ones(1, TAPS, 1).double(),
        track=False,
    )  # fmt: skip
    x = [complex(*far[0, TAPS - 1 - tap, :, 0]) for tap in range(TAPS)]
    w = [complex(*weights[0, tap, :, 0]) for tap in range(TAPS)]
    e = complex(*mic[0, 0, :, 0]) - sum(a * b for a, b in zip(w, x, strict=True))
    step = float(gain) / (sum(abs(z) ** 2 for z in x) + float(disturbance))
    expected = [a + step * e * b.conjugate() for a, b in zip(w, x, strict=True)]
    assert [complex(*out.weights[0, tap, :, 0]) for tap in range(TAPS)] == pytest.approx(expected)


def test_variances_stay_above_zero_and_without_drift_only_fall():
    far, mic, gain, disturbance, drift, profile, weights, covariance = make_inputs(frames=50)
    out = adapt(far, mic, torch.ones_like(gain), 1e-6 * disturbance, 0 * drift, profile, weights, covariance)
    assert (out.covariance >= 0).all()
    assert (out.covariance <= covariance).all()
    assert (out.step_size <= 1).all()


def test_a_gain_of_zero_keeps_the_filter():
    far, mic, gain, disturbance, drift, profile, weights, covariance = make_inputs()
    out = adapt(far, mic, 0 * gain, disturbance, 0 * drift, profile, weights, covariance)
    torch.testing.assert_close(out.weights, weights)
    torch.testing.assert_close(out.covariance, covariance)


def test_planes_are_real_and_imaginary_part():
    z = torch.tensor([1 + 2j, 3 - 4j])
    assert planes(z).tolist() == [[1, 3], [2, -4]]
