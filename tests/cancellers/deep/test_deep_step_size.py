"""The network that adapts a linear filter: what it must not do however it is trained, and that it can be trained."""

from functools import partial
from itertools import product

import numpy as np
import pytest
import torch

from aecbench.cancellers.deep.base import Batch
from aecbench.cancellers.deep.deep_step_size import DeepStepSize
from aecbench.cancellers.deep.losses.objective import residual
from aecbench.cancellers.deep.parts import stft
from aecbench.cancellers.nlms import NLMS
from aecbench.training import Settings
from aecbench.training.processes import Processes
from aecbench.training.run import Training

SMALL = {"n_fft": 128, "hop_length": 64, "taps": 4, "bands": 8, "hidden": 8, "burn_in": 0, "path_change": 0.0}
NETWORKS = ("narrow", "hybrid", "broad")
VARIANTS = [
    *product(NETWORKS, ("kalman",), (True,)),
    ("hybrid", "nlms", True),
    *product(NETWORKS[::2], ("nlms",), (False,)),
]


def build(*, wild=False, **more):
    """A small network; a wild one decides at random."""
    torch.manual_seed(0)
    network = DeepStepSize(DeepStepSize.Config(**{**SMALL, **more}))
    if wild:
        with torch.no_grad():
            for parameter in network.network.parameters():
                parameter.copy_(torch.randn_like(parameter) * parameter.shape[-1] ** -0.5)
    return network.eval()


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=VARIANTS, ids=lambda v: f"{v[0]}-{v[1]}-{'feedback' if v[2] else 'forward'}")
def variant(request):
    return dict(zip(("network", "update", "feedback"), request.param, strict=True))


def noise(*shape, level=0.1, seed=0):
    return (level * np.random.default_rng(seed).normal(size=shape)).astype(np.float32)


@pytest.fixture
def examples(examples):
    """Hardly any noise."""
    return partial(examples, hum=0.001)


def spectra(network, batch):
    return network.spectra(batch.mic, batch.far)


def closed_loop(network, seen):
    return network.closed_loop(seen, network.initial(seen[0]))


def decibels(before, after):
    return 10 * np.log10(np.mean(np.square(before)) / np.mean(np.square(after)))


@pytest.mark.parametrize(("kind", "most"), [("narrow", 60_000), ("hybrid", 500_000), ("broad", 500_000)])
def test_it_is_as_small_as_it_should_be(kind, most):
    network = DeepStepSize(DeepStepSize.Config(network=kind))
    assert sum(p.numel() for p in network.parameters()) <= most
    assert network.canceller().latency == network.config.n_fft - 1


def test_masks_and_step_sizes_are_between_0_and_1(variant, examples):
    network = build(wild=True, **variant)
    loop = closed_loop(network, spectra(network, examples()))
    for values in (*loop.masks, loop.step_size):
        assert ((values >= 0) & (values <= 1)).all()
    assert loop.masks.step.std() > 0.01


def test_with_a_silent_far_end_the_output_is_the_microphone(variant):
    near = noise(3000)
    out = build(wild=True, **variant).canceller().cancel(near, np.zeros_like(near))
    assert decibels(near, out - near) > 60


def test_after_the_far_end_has_fallen_silent_the_output_is_the_microphone(scene):
    s, network = scene(1.5, near=(0.8, 1.5)), build()
    far = np.where(np.arange(s.far.size) < 12_000, s.far, 0).astype(np.float32)
    late = np.s_[12_000 + network.config.n_fft + 64 * network.config.taps :]
    out = network.canceller().cancel(s.mic, far)
    assert decibels(s.mic[late], (out - s.mic)[late]) > 60
    assert np.abs(out - s.mic)[:12_000].max() > 0.01


def test_what_is_subtracted_is_a_linear_filter_of_the_far_end(variant, examples):
    """Without the a-posteriori step it is exactly that, tap by tap, with the weights of the frame before."""
    network, batch = build(wild=True, posterior=False, **variant), examples(1, 1000)
    seen = spectra(network, batch)
    state, past = network.initial(seen[0]), torch.zeros(1, 4, 65, dtype=torch.complex64)
    for t in range(seen.shape[2]):
        weights = torch.complex(state.weights[:, :, 0], state.weights[:, :, 1])
        past = torch.cat([seen[1][:, t : t + 1], past[:, :-1]], 1)
        loop = network.closed_loop(seen[:, :, t : t + 1], state)
        torch.testing.assert_close(loop.echo[:, 0], (weights * past).sum(1), atol=1e-5, rtol=1e-4)
        state = loop.state


def test_turning_the_phase_of_the_echo_path_turns_the_estimate_and_nothing_else(variant, examples):
    network, turn = build(wild=True, **variant), torch.polar(torch.tensor(1.0), torch.tensor(2.0))
    mic, far = spectra(network, examples())
    before = closed_loop(network, torch.stack([mic, far]))
    for seen, factor in ((torch.stack([turn * mic, far]), turn), (torch.stack([mic, turn * far]), 1)):
        after = closed_loop(network, seen)
        torch.testing.assert_close(after.step_size, before.step_size, atol=2e-3, rtol=0)
        torch.testing.assert_close(after.echo, factor * before.echo, atol=2e-3, rtol=0)


@pytest.mark.parametrize("feedback", [False, True])
def test_only_with_feedback_the_step_sizes_depend_on_the_error(feedback, examples):
    network = build(wild=True, feedback=feedback)
    seen = spectra(network, examples())
    state = network.initial(seen[0])
    steps = [network.closed_loop(seen, s).step_size for s in (state, state._replace(weights=state.weights + 0.3))]
    assert torch.equal(*steps) is not feedback


@pytest.mark.parametrize("update", ["kalman", "nlms"])
def test_before_training_it_cancels_no_worse_than_plain_nlms(scene, update):
    s = scene(4.0, rt60=0.15, noise=1e-4)
    network = build(update=update, n_fft=512, hop_length=128, taps=12)
    ours, theirs = (c.cancel(s.mic, s.far) for c in (network.canceller(), NLMS()))
    for part in (np.s_[16_000:32_000], np.s_[32_000:]):
        assert decibels(s.echo[part], (ours - s.noise)[part]) > decibels(s.echo[part], (theirs - s.noise)[part]) > 5


def test_all_frames_at_once_are_one_frame_after_the_other(variant, examples):
    network = build(**variant)
    seen = spectra(network, examples(2, 1500))
    state, out, parts = network.initial(seen[0]), *network.frames(seen, network.initial(seen[0]))[:1], []
    for t in range(seen.shape[2]):
        part, state = network.frames(seen[:, :, t : t + 1], state)
        parts.append(part)
    torch.testing.assert_close(torch.cat(parts, 1), out, atol=1e-5, rtol=1e-4)


class Few:
    """What `Run` asks of examples, of a single batch."""

    def __init__(self, batch):
        self.batch = batch

    def __len__(self):
        return 1

    def epoch(self, epoch, done=0):
        return iter([self.batch])


def test_every_variant_trains(variant, examples):
    network, few = build(**variant), Few(examples(2, 2000))
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    run = Training(network, Settings(), (few, few), Processes(0, 1, torch.device("cpu")))
    row = run.step(few.batch)
    assert np.isfinite([row["loss"], row["norm"], run.end_epoch()[0]["val_loss"]]).all()
    assert all(not torch.equal(p, before[name]) for name, p in network.named_parameters())


@pytest.mark.parametrize("update", ["kalman", "nlms"])
def test_a_few_steps_of_training_help(update, examples):
    network, batch = build(update=update), examples()
    optimiser, history = torch.optim.Adam(network.parameters(), 1e-2), []
    for _ in range(10):
        loss, _ = network.loss(batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.append(loss.item())
    assert history[-1] < history[0] - 0.3


def test_the_loss_is_that_of_the_closed_loop(examples):
    network, batch = build(wild=True, whole=1.0), examples()
    seen = spectra(network, batch)
    out = stft.signal(network.frames(seen, network.initial(seen[0]))[0], 64, batch.mic.shape[-1])
    left = batch.echo - (batch.mic - out)
    expected = residual(left[:, None], batch.echo[:, None]).mean()
    torch.testing.assert_close(network.loss(batch)[0], expected, atol=0.02, rtol=0)


def test_truncation_cuts_gradients_and_leaves_values(examples):
    values, gradients = [], []
    for truncation in (0, 20):
        network = build(truncation=truncation)
        loss, _ = network.loss(examples())
        values.append(loss.detach())
        gradients.append(torch.autograd.grad(loss, network.network.gru.weight_hh_l0)[0])
    torch.testing.assert_close(*values, atol=1e-3, rtol=0)
    assert (gradients[0] - gradients[1]).norm() > 1e-3 * gradients[0].norm()


def test_what_is_in_the_burn_in_does_not_count(examples):
    batch = examples()
    assert build(burn_in=30).loss(batch)[0] < build().loss(batch)[0] - 1


def test_what_disturbs_a_listener_counts_where_the_near_end_talks(examples):
    plain, heard = (build(disturbance=weight).eval().loss(examples()) for weight in (0.0, 3.0))
    assert heard[0].item() == pytest.approx(plain[0].item() + 3 * plain[1]["disturbance"].item(), rel=1e-4)
    alone = examples()
    alone.near[:] = 0
    assert build().loss(alone)[1]["disturbance"] == 0


def test_paths_change_in_training_alone(examples):
    network, batch = build(path_change=1.0), examples()
    sign = torch.tensor([[1.0], [-1.0], [1.0], [-1.0]])
    batch = batch._replace(mic=batch.near + sign * batch.echo + batch.noise, echo=sign * batch.echo)
    still = [network.eval().loss(batch)[0].item() for _ in range(2)]
    torch.manual_seed(0)
    changing = network.train().loss(batch)[0].item()
    assert still[0] == still[1]
    assert changing > still[0] + 1


def test_a_long_delay_is_taken_out_before_training(examples):
    batches = (DeepStepSize.prepare(examples(2, length, 2000)) for length in (4000, 24_000))
    lost, found = (build().loss(batch)[1]["whole"] for batch in batches)
    assert lost > -0.5
    assert found < -3


def test_loss_of_less_than_a_frame_of_silence_is_finite():
    network, silence = build(), torch.zeros(2, 100)
    loss, _ = network.loss(Batch(silence, silence, silence, silence, silence))
    loss.backward()
    assert all(p.grad.isfinite().all() for p in network.parameters())
