"""Both networks that steer the adaptive filter: before training they have to be sound, and training has to help."""

import numpy as np
import pytest
import torch

from aecbench.cancellers.abilities import cost
from aecbench.cancellers.deep.deep_adaptive import DeepAdaptive
from aecbench.cancellers.deep.deep_adaptive_2022 import DeepAdaptive2022
from aecbench.cancellers.deep.losses.objective import si_sdr as tensor_si_sdr

SMALL = {
    DeepAdaptive: {"n_fft": 128, "hop_length": 64, "bands": 8, "hidden": 12, "small": 8, "taps": 4},
    DeepAdaptive2022: {"n_fft": 128, "hop_length": 64, "hidden": 12, "taps": 4},
}
KINDS = sorted(SMALL, key=lambda kind: kind.__name__)


def build(kind, **more):
    torch.manual_seed(0)
    return kind(kind.Config(**{**SMALL[kind], **more}))


@pytest.fixture(params=KINDS)
def network(request):
    return build(request.param)


def noise(*shape, level=0.1, seed=0):
    return (level * np.random.default_rng(seed).normal(size=shape)).astype(np.float32)


def si_sdr(target, out):
    return tensor_si_sdr(torch.from_numpy(target)[None], torch.from_numpy(out)[None]).item()


def test_before_training_the_near_end_is_let_through(network):
    near = noise(8000)
    out = network.canceller().cancel(near, np.zeros_like(near))
    assert si_sdr(near, out) > 15


def test_before_training_echo_is_cancelled(network, examples):
    batch = examples(2, 16_000)
    mic, far = batch.mic[0].numpy(), batch.far[0].numpy()
    out = network.canceller().cancel(mic, far)[8000:]
    assert 10 * np.log10(np.mean(mic[8000:] ** 2) / np.mean(out**2)) > 6


def test_a_few_steps_of_training_help(network, examples):
    optimiser, batch = torch.optim.Adam(network.parameters(), 5e-3), examples(length=4000)
    history = []
    for _ in range(15):
        loss, _ = network.loss(batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.append(loss.item())
    assert history[-1] < history[0] - 0.02


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_not_learned_stays_as_it_is(kind, random_spectra):
    network = build(kind, learn_reference=False, learn_step=False)
    spectra = random_spectra(network, 1, 9)
    stages, _ = network.stages(spectra, network.initial(spectra[0]))
    assert torch.equal(stages.reference, spectra[1])
    assert stages.step_size.unique().numel() == 1
    network = build(kind)
    stages, _ = network.stages(spectra, network.initial(spectra[0]))
    ratio = stages.reference / spectra[1]
    assert ratio.imag.abs().max() > 1e-4  # the phase is learned too
    assert stages.step_size.unique().numel() > 100


def test_without_filters_the_network_is_a_mask(examples, random_spectra):
    network = build(DeepAdaptive, kalman={"taps": 0}, filter=False)
    spectra = random_spectra(network, 1, 9)
    stages, _ = network.stages(spectra, network.initial(spectra[0]))
    assert torch.equal(stages.error, spectra[0])
    assert cost(network.canceller()).macs < cost(build(DeepAdaptive).canceller()).macs / 2
    network.loss(examples(2, 2000))[0].backward()
    assert all(p.grad is not None for p in network.parameters())


def test_the_filter_goes_on_where_the_kalman_filter_stops(random_spectra):
    network = build(DeepAdaptive)
    spectra = random_spectra(network, 1, 9)
    stages, _ = network.stages(spectra, network.initial(spectra[0]))
    assert not torch.equal(stages.error, spectra[2])
    alone, _ = build(DeepAdaptive, filter=False).stages(spectra, network.initial(spectra[0]))
    assert torch.equal(alone.error, spectra[2])


@pytest.mark.parametrize("kind", KINDS)
def test_the_modes_differ_in_what_becomes_of_noise(kind, examples):
    batch = examples(length=2000)
    assert build(kind, mode="joint").loss(batch)[0] != build(kind, mode="echo_only").loss(batch)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_usual_public_settings_work(kind, examples):
    network = kind(kind.Config(n_fft=1024, hop_length=256))
    loss, _ = network.loss(examples(1, 64_000))
    assert loss.isfinite()
    out = network.canceller().cancel(noise(3000), noise(3000, seed=1))
    assert np.isfinite(out).all()


@pytest.mark.parametrize("kind", KINDS)
def test_as_configured_it_is_small_and_soon(kind):
    network = kind(kind.Config())
    assert network.canceller().latency <= 0.040 * network.config.sample_rate
    assert 4 * sum(p.numel() for p in network.parameters()) <= 8 * 2**20  # bytes
    assert 1e6 < cost(network.canceller()).macs * network.config.sample_rate < 1e9


def test_2022_has_as_many_layers_as_told():
    network = DeepAdaptive2022(DeepAdaptive2022.Config(n_fft=128, hop_length=64, layers=4, dense=1, hidden=20))
    assert network.lstm.num_layers == 4
    assert len(network.dense) == 0
