"""Both networks that steer the adaptive filter: before training they have to be sound, and training has to help."""

import pickle

import numpy as np
import pytest
import torch

from aecbench.cancellers.count import count
from aecbench.cancellers.deep import losses
from aecbench.cancellers.deep.base import Batch
from aecbench.cancellers.deep.control import bands
from aecbench.cancellers.deep.deep_adaptive import DeepAdaptive
from aecbench.cancellers.deep.deep_adaptive_2022 import DeepAdaptive2022
from aecbench.errors import AudioError

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


def random_spectra(network, count, frames):
    """Of microphone, far end and, behind a filter, its error."""
    signals = 2 if network.front is None else 3
    shape = signals, count, frames, network.config.n_fft // 2 + 1
    return torch.from_numpy(noise(*shape) + 1j * noise(*shape, seed=5))


def examples(count=4, length=8000):
    """Echoes of one delay, half of them with a near end."""
    far, near, hum = (noise(count, length, seed=seed) for seed in range(3))
    near[::2] = 0
    echo, hum = 0.5 * np.pad(far, ((0, 0), (40, 0)))[:, :length], 0.01 * hum
    return Batch(*(torch.from_numpy(z) for z in (near + echo + hum, far, near, echo, hum)))


def si_sdr(target, out):
    return losses.si_sdr(torch.from_numpy(target)[None], torch.from_numpy(out)[None], 0.0).item()


def test_all_frames_at_once_are_one_frame_after_the_other(network):
    spectra = random_spectra(network, 2, 20)
    with torch.no_grad():
        out, last = network.frames(spectra, network.initial(spectra[0]))
        state, parts = network.initial(spectra[0]), []
        for t in range(20):
            part, state = network.frames(spectra[..., t : t + 1, :], state)
            parts.append(part)
    torch.testing.assert_close(torch.cat(parts, 1), out, atol=1e-5, rtol=1e-4)
    for one, other in zip(torch.utils._pytree.tree_leaves(state), torch.utils._pytree.tree_leaves(last), strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)


def test_cancel_is_the_steps_put_together_and_states_stay(network, scene):
    canceller, s = network.canceller(), scene(0.5)
    state, outputs = canceller.init(()), []
    for start in range(0, s.mic.size - 63, 64):
        block = np.s_[start : start + 64]
        before = state
        state, out = canceller.step(before, s.mic[block], s.far[block])
        np.testing.assert_array_equal(canceller.step(before, s.mic[block], s.far[block])[1], out)
        outputs.append(out)
    steps = np.concatenate(outputs)[canceller.delay :]
    np.testing.assert_allclose(canceller.cancel(s.mic, s.far)[: steps.size], steps, rtol=0, atol=1e-6)


@pytest.mark.parametrize("batch", [(3,), (2, 2), (0,)])
def test_batching_changes_nothing(network, batch):
    canceller, mic, far = network.canceller(), noise(*batch, 2000), noise(*batch, 2000, seed=1)
    together, rows = canceller.cancel(mic, far), (z.reshape(-1, 2000) for z in (mic, far))
    one_by_one = [canceller.cancel(m, f) for m, f in zip(*rows, strict=True)]
    assert together.shape == (*batch, 2000)
    assert together.dtype == np.float32
    np.testing.assert_allclose(together, np.reshape(one_by_one, together.shape), atol=1e-5)


def test_output_sees_no_further_than_its_latency(network, scene):
    canceller, s = network.canceller(), scene(0.5)
    mic, far = s.mic.copy(), s.far.copy()
    mic[5000:] += 0.3
    far[5000:] *= -3
    heard = np.s_[: 5000 - canceller.latency]
    np.testing.assert_allclose(
        canceller.cancel(mic, far)[heard], canceller.cancel(s.mic, s.far)[heard], rtol=0, atol=1e-6
    )


STRESS = {
    "silence": (np.zeros(3000), np.zeros(3000)),
    "dc": (np.full(3000, 0.5), np.full(3000, 0.5)),
    "the same signal": (noise(3000), noise(3000)),
    "clipped": (np.sign(noise(3000)), np.sign(noise(3000))),
    "loud": (noise(3000, level=30), noise(3000, level=30, seed=1)),
    "quiet far end": (noise(3000), noise(3000, level=1e-6, seed=1)),
    "denormal": (1e-38 * noise(3000), 1e-38 * noise(3000, seed=1)),
}


@pytest.mark.parametrize("case", STRESS)
def test_output_is_finite_and_of_the_size_of_the_inputs(network, case):
    mic, far = (z.astype(np.float32) for z in STRESS[case])
    out = network.canceller().cancel(mic, far)
    assert np.isfinite(out).all()
    assert np.abs(out).max() <= 4 * max(np.abs(mic).max(), np.abs(far).max())


def test_a_block_that_is_not_finite_is_an_error_and_the_state_lives_on(network):
    canceller, mic = network.canceller(), noise(64)
    state, _ = canceller.step(canceller.init(()), mic, mic)
    with pytest.raises(AudioError, match="sample 0 of mic is not finite"):
        canceller.step(state, np.full(64, np.nan, np.float32), mic)
    assert np.isfinite(canceller.step(state, mic, mic)[1]).all()


def test_before_training_the_near_end_is_let_through(network):
    near = noise(8000)
    out = network.canceller().cancel(near, np.zeros_like(near))
    assert si_sdr(near, out) > 15


def test_before_training_echo_is_cancelled(network):
    batch = examples(2, 16_000)
    mic, far = batch.mic[0].numpy(), batch.far[0].numpy()
    out = network.canceller().cancel(mic, far)[8000:]
    assert 10 * np.log10(np.mean(mic[8000:] ** 2) / np.mean(out**2)) > 6


def test_a_canceller_pickles_runs_on_one_thread_and_is_not_trained_any_further(network):
    canceller, mic, far = network.canceller(), noise(1000), noise(1000, seed=1)
    before, threads = canceller.cancel(mic, far), torch.get_num_threads()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(canceller)).cancel(mic, far), before)
    assert torch.get_num_threads() == threads
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 1
    np.testing.assert_array_equal(canceller.cancel(mic, far), before)


def test_loss_is_a_mean_over_examples_and_reaches_every_parameter(network):
    batch = examples()
    loss, parts = network.loss(batch)
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())
    assert all(not part.requires_grad and part.ndim == 0 for part in parts.values())
    halves = [network.loss(Batch(*(z[half] for z in batch)))[0] for half in (np.s_[:2], np.s_[2:])]
    torch.testing.assert_close(sum(halves) / 2, loss, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("length", [600, 8000])
def test_loss_of_silence_is_finite(network, length):
    silence = torch.zeros(2, length)
    loss, _ = network.loss(Batch(silence, silence, silence, silence, silence))
    loss.backward()
    assert all(p.grad.isfinite().all() for p in network.parameters())


def test_a_few_steps_of_training_help(network):
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
def test_what_is_not_learned_stays_as_it_is(kind):
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


def test_without_filters_the_network_is_a_mask():
    network = build(DeepAdaptive, kalman={"taps": 0}, filter=False)
    spectra = random_spectra(network, 1, 9)
    stages, _ = network.stages(spectra, network.initial(spectra[0]))
    assert torch.equal(stages.error, spectra[0])
    assert count(network.canceller()).macs < count(build(DeepAdaptive).canceller()).macs / 2
    network.loss(examples(2, 2000))[0].backward()
    assert all(p.grad is not None for p in network.parameters())


def test_the_filter_goes_on_where_the_kalman_filter_stops():
    network = build(DeepAdaptive)
    spectra = random_spectra(network, 1, 9)
    stages, _ = network.stages(spectra, network.initial(spectra[0]))
    assert not torch.equal(stages.error, spectra[2])
    alone, _ = build(DeepAdaptive, filter=False).stages(spectra, network.initial(spectra[0]))
    assert torch.equal(alone.error, spectra[2])


@pytest.mark.parametrize("kind", KINDS)
def test_the_modes_differ_in_what_becomes_of_noise(kind):
    batch = examples(length=2000)
    assert build(kind, mode="joint").loss(batch)[0] != build(kind, mode="echo_only").loss(batch)[0]


@pytest.mark.parametrize("kind", KINDS)
def test_the_usual_public_settings_work(kind):
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
    assert 1e6 < count(network.canceller()).macs * network.config.sample_rate < 1e9


def test_2022_has_as_many_layers_as_told():
    network = DeepAdaptive2022(DeepAdaptive2022.Config(n_fft=128, hop_length=64, layers=4, dense=1, hidden=20))
    assert network.lstm.num_layers == 4
    assert len(network.dense) == 0


@pytest.mark.parametrize(("bins", "count"), [(65, 8), (257, 40), (513, 64), (257, 4)])
def test_bands_overlap_and_share_every_bin_out(bins, count):
    weights = bands(bins, count)
    assert weights.shape == (bins, count)
    torch.testing.assert_close(weights.sum(1), torch.ones(bins))
    assert (weights.amax(0) > 0.5).all()


def test_si_sdr_ignores_scale_and_ends_at_its_floor():
    near, hum = torch.from_numpy(noise(2, 4000)), torch.from_numpy(noise(2, 4000, seed=1, level=0.01))
    ratio = losses.si_sdr(near, near + hum, 0.0)
    torch.testing.assert_close(losses.si_sdr(near, 3 * (near + hum), 0.0), ratio, atol=0.01, rtol=0)
    torch.testing.assert_close(ratio, torch.full((2,), 20.0), atol=0.5, rtol=0)
    torch.testing.assert_close(losses.si_sdr(near, near), torch.full((2,), 30.0), atol=0.01, rtol=0)


def test_sdr_hears_the_scale_and_ends_at_its_floor():
    near, hum = torch.from_numpy(noise(2, 4000)), torch.from_numpy(noise(2, 4000, seed=1, level=0.01))
    torch.testing.assert_close(losses.sdr(near, near + hum, 0.0), torch.full((2,), 20.0), atol=0.5, rtol=0)
    torch.testing.assert_close(losses.sdr(near, 0.5 * near), torch.full((2,), 6.0), atol=0.1, rtol=0)
    torch.testing.assert_close(losses.sdr(near, near), torch.full((2,), 30.0), atol=0.01, rtol=0)


def test_a_share_of_the_noise_may_stay():
    batch = examples(2, 4000)
    weights = losses.Weights(noise=0.25)
    wanted = batch.near + 0.25 * batch.noise
    echo = torch.ones(2, 5, 9, dtype=torch.complex64)
    _, parts = losses.objective(batch, wanted, 0 * echo, echo, "joint", weights)
    assert parts["spectra"] < 1e-6
    assert losses.objective(batch, wanted, 0 * echo, echo, "joint", losses.Weights())[1]["spectra"] > parts["spectra"]


def test_residual_is_the_ratio_of_powers_in_every_frame():
    mic = torch.from_numpy(noise(2, 10, 512))
    torch.testing.assert_close(losses.residual(0.1 * mic, mic), torch.full((2,), -20.0), atol=0.05, rtol=0)
    torch.testing.assert_close(losses.residual(0 * mic, mic), torch.full((2,), -50.0), atol=0.05, rtol=0)


def test_compressed_spectra_are_nought_for_the_target_alone_and_hear_the_phase():
    near = torch.from_numpy(noise(2, 4000))
    assert losses.compressed_spectra(near, near).abs().max() < 1e-6
    assert (losses.compressed_spectra(near, -near) > 0.1).all()
