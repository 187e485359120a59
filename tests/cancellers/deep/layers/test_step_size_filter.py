"""The filter with given step sizes: kernels against plain loop, gradients, and what its recursion promises."""

import pytest
import torch

from aecbench.cancellers.deep.layers import step_size_filter
from aecbench.cancellers.deep.layers.step_size_filter import (
    Adapt,
    Settings,
    Signals,
    State,
    Window,
    adapt,
    places,
    plain_loop,
    planes,
    predict,
)

TAPS = 3


def make_inputs(
    signals: int = 2,
    frames: int = 7,
    bins: int = 5,
    dtype: torch.dtype = torch.float64,
    taps: tuple[int, ...] = (TAPS,),
):
    """Return the signals and the state of a filter with so many taps of each input."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, dtype=dtype, generator=generator)

    def uniform(*shape: int) -> torch.Tensor:
        return torch.rand(*shape, dtype=dtype, generator=generator)

    far, mic = normal(signals, len(taps) * (max(taps) - 1 + frames), 2, bins), normal(signals, frames, 2, bins)
    given = [uniform(signals, frames, bins) for _ in range(3)]
    given[1] += 0.1
    place = places(taps)
    state = State(normal(signals, len(place), 2, bins), uniform(signals, len(place), bins))
    return Signals(far, mic, *given, uniform(len(place)), place), state


def value_and_gradients(run, inputs, settings):
    """Return the output of `run`, and the gradients of a fixed random projection of it."""
    given = [z.clone().requires_grad_(z.is_floating_point()) for z in (*inputs[0], *inputs[1])]
    learnt = [z for z in given if z.requires_grad]
    outputs = run(settings, *given)
    generator = torch.Generator().manual_seed(2)
    seeds = [torch.randn(z.shape, dtype=z.dtype, generator=generator) for z in outputs]
    return [*outputs, *torch.autograd.grad(outputs, learnt, seeds)]


INPUTS = pytest.mark.parametrize("taps", [(TAPS,), (TAPS, 2, 1)], ids=["one-input", "three-inputs"])
KINDS = pytest.mark.parametrize("track", [1.0, 0.0], ids=["kalman", "nlms"])


@KINDS
@pytest.mark.parametrize("truncation", [0, 1, 3])
@pytest.mark.parametrize("frames", [1, 7])
@INPUTS
def test_kernels_and_plain_loop_agree_in_values_and_gradients(track, truncation, frames, taps):
    inputs, settings = make_inputs(frames=frames, taps=taps), Settings(track, truncation, len(taps))
    pairs = zip(*(value_and_gradients(run, inputs, settings) for run in (Adapt.apply, plain_loop)), strict=True)
    for kernel, loop in pairs:
        torch.testing.assert_close(kernel, loop, rtol=1e-11, atol=1e-12)


@pytest.fixture
def on_gpu(monkeypatch):
    """Let the kernels for a GPU process tensors on the CPU, in Triton's interpreter."""
    gpu = pytest.importorskip("aecbench.cancellers.deep.layers.step_size_filter_gpu")

    def run(name, tensors, like, *numbers):
        getattr(gpu, name)(*(values._make(z.detach().contiguous() for z in values) for values in tensors), *numbers)

    monkeypatch.setattr(step_size_filter, "_run", run)


@KINDS
@pytest.mark.parametrize("truncation", [0, 3])
@INPUTS
@pytest.mark.usefixtures("on_gpu")
def test_kernels_for_a_gpu_and_plain_loop_agree_in_values_and_gradients(track, truncation, taps):
    inputs, settings = make_inputs(frames=7, bins=37, taps=taps), Settings(track, truncation, len(taps))
    pairs = zip(*(value_and_gradients(run, inputs, settings) for run in (Adapt.apply, plain_loop)), strict=True)
    for kernel, loop in pairs:
        torch.testing.assert_close(kernel, loop, rtol=1e-11, atol=1e-12)


def test_kernels_for_a_gpu_predict_as_those_for_the_cpu(request):
    (far, mic, _, _, _, profile, place), state = make_inputs(bins=37, taps=(TAPS, 2, 1))
    window = Window(far[:, : 3 * TAPS], mic[:, :1], profile, place)
    on_cpu = predict(window, state)
    request.getfixturevalue("on_gpu")
    for one, other in zip(predict(window, state), on_cpu, strict=True):
        torch.testing.assert_close(one, other)


@KINDS
@INPUTS
def test_gradients_are_those_of_finite_differences(track, taps):
    signals, state = make_inputs(1, 4, 2, taps=taps)
    inputs = [z.requires_grad_(z.is_floating_point()) for z in (*signals, *state)]
    assert torch.autograd.gradcheck(lambda *z: Adapt.apply(Settings(track, inputs=len(taps)), *z), inputs)


def test_gradients_are_the_same_without_that_of_the_far_end():
    (far, *rest), state = make_inputs()
    with_far = value_and_gradients(Adapt.apply, (Signals(far, *rest), state), Settings())
    without = value_and_gradients(lambda settings, *z: Adapt.apply(settings, far, *z), (rest, state), Settings())
    for one, other in zip([*with_far[:4], *with_far[5:]], without, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)


def test_two_inputs_that_are_one_cut_in_two_by_taps_are_one_filter():
    """The second input is the first one two frames ago, so its taps are the third one and so on."""
    (far, mic, *given, profile, _), state = make_inputs(taps=(4,))
    one = adapt(Signals(far, mic, *given, profile, places([4])), state, Settings())
    late = torch.cat([torch.zeros_like(far[:, :2]), far[:, :-2]], 1)
    both = torch.stack([far, late], 2).flatten(1, 2)[:, 2 * 2 :]  # two taps of each need one frame before the first
    two = adapt(Signals(both, mic, *given, profile, places([2, 2])), state, Settings(inputs=2))
    for a, b in zip(one, two, strict=True):
        torch.testing.assert_close(a, b)


def test_threads_change_nothing():
    inputs, before = make_inputs(4, 40, 100, torch.float32), torch.get_num_threads()
    results = []
    for threads in (1, 3):
        torch.set_num_threads(threads)
        results.append(value_and_gradients(Adapt.apply, inputs, Settings()))
    torch.set_num_threads(before)
    for single, several in zip(*results, strict=True):
        torch.testing.assert_close(single, several, rtol=0, atol=0)


def test_one_frame_after_the_other_is_all_at_once():
    (far, mic, *given, profile, place), state = make_inputs()
    together = adapt(Signals(far, mic, *given, profile, place), state, Settings())
    for t in range(mic.shape[1]):
        now = slice(t, t + 1)
        frame = Signals(far[:, t : t + TAPS], mic[:, now], *(z[:, now] for z in given), profile, place)
        out = adapt(frame, state, Settings())
        state = State(out.weights, out.covariance)
        torch.testing.assert_close(out.error, together.error[:, now])
    torch.testing.assert_close(state.weights, together.weights)
    torch.testing.assert_close(state.covariance, together.covariance)


def test_the_prediction_of_a_frame_is_confirmed_by_its_adaptation():
    signals, state = make_inputs(frames=1)
    signals = signals._replace(drift=0 * signals.drift)
    error, uncertainty, power = predict(Window(signals.far, signals.mic, signals.profile, signals.place), state)
    out = adapt(signals, state, Settings())
    torch.testing.assert_close(error, out.error)
    torch.testing.assert_close(signals.gain * uncertainty / (uncertainty + signals.disturbance), out.step_size)
    room = state._replace(covariance=signals.profile[:, None] + 0 * state.covariance)
    flat = adapt(signals, room, Settings())
    torch.testing.assert_close(signals.gain * power / (power + signals.disturbance), flat.step_size)


def test_the_prediction_is_the_same_outside_the_kernels(monkeypatch):
    signals, state = make_inputs(frames=1)
    window = Window(signals.far, signals.mic, signals.profile, signals.place)
    kernel = predict(window, state)
    monkeypatch.setattr(step_size_filter, "in_kernels", lambda like: False)
    for ours, plain in zip(kernel, predict(window, state), strict=True):
        torch.testing.assert_close(ours, plain)


def test_without_a_covariance_it_is_the_normalised_step_of_the_paper():
    signals, state = make_inputs(1, 1, 1)
    far, mic, gain, disturbance, drift, _, place = signals
    signals = Signals(far, mic, gain, disturbance, 0 * drift, torch.ones(TAPS).double(), place)
    out = adapt(signals, state._replace(covariance=torch.ones(1, TAPS, 1).double()), Settings(track=0.0))
    x = [complex(*far[0, TAPS - 1 - tap, :, 0]) for tap in range(TAPS)]
    w = [complex(*state.weights[0, tap, :, 0]) for tap in range(TAPS)]
    e = complex(*mic[0, 0, :, 0]) - sum(a * b for a, b in zip(w, x, strict=True))
    step = float(gain) / (sum(abs(z) ** 2 for z in x) + float(disturbance))
    expected = [a + step * e * b.conjugate() for a, b in zip(w, x, strict=True)]
    assert [complex(*out.weights[0, tap, :, 0]) for tap in range(TAPS)] == pytest.approx(expected)


def test_variances_stay_above_zero_and_without_drift_only_fall():
    signals, state = make_inputs(frames=50)
    far, mic, gain, disturbance, drift, profile, place = signals
    signals = Signals(far, mic, torch.ones_like(gain), 1e-6 * disturbance, 0 * drift, profile, place)
    out = adapt(signals, state, Settings())
    assert (out.covariance >= 0).all()
    assert (out.covariance <= state.covariance).all()
    assert (out.step_size <= 1).all()


def test_a_gain_of_zero_keeps_the_filter():
    signals, state = make_inputs()
    signals = signals._replace(gain=0 * signals.gain, drift=0 * signals.drift)
    out = adapt(signals, state, Settings())
    torch.testing.assert_close(out.weights, state.weights)
    torch.testing.assert_close(out.covariance, state.covariance)


def test_planes_are_real_and_imaginary_part():
    z = torch.tensor([1 + 2j, 3 - 4j])
    assert planes(z).tolist() == [[1, 3], [2, -4]]
