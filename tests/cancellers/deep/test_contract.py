"""What holds for every network of the table DEEP, trained or not."""

import pickle
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from aecbench.cancellers.deep import DEEP
from aecbench.cancellers.deep.base import Batch
from aecbench.cancellers.deep.inference.canceller import inference
from aecbench.errors import AudioError
from aecbench.systems import import_class

FRAME = {"n_fft": 128, "hop_length": 64, "taps": 4}
# A few small ones of each network.
SMALL = {
    "deep_adaptive": [{"bands": 8, "hidden": 12, "small": 8}],
    "deep_adaptive_2022": [{"hidden": 12}],
    "deep_joint": [
        {"bands": 8, "hidden": 12, "small": 8, "filter_bands": 8, "filter_hidden": 8, **sizes}
        for sizes in ({"short": 128, "lag": 0}, {"n_fft": 256, "short": 128, "lag": 32, "reference_taps": 0})
    ],
    "deep_step_size": [
        {"bands": 8, "hidden": 8, "network": network, "update": update, "feedback": feedback}
        for network, update, feedback in (
            ("hybrid", "kalman", True),
            ("narrow", "nlms", True),
            ("broad", "nlms", False),
        )
    ],
}
CASES = [(name, fields) for name in DEEP for fields in SMALL[name]]


@pytest.fixture(
    params=CASES, ids=lambda case: "-".join([case[0], *(v for v in case[1].values() if isinstance(v, str))])
)
def network(request):
    name, fields = request.param
    torch.manual_seed(0)
    kind = import_class(DEEP[name], None)
    return kind(kind.Config(**{**FRAME, **fields})).eval()


@pytest.fixture(params=["torch", "numpy"])
def canceller(network, request):
    """The canceller of a network; in NumPy for the configurations that run there."""
    if request.param == "torch":
        return network.canceller()
    arrays = {name: value.numpy().copy() for name, value in network.state_dict().items()}
    target = f"{type(network).__module__}:{type(network).__qualname__}"
    made = inference(target, network.config, partial(dict, arrays), Path("weights"))
    return made or pytest.skip("runs in torch only")


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def noise(*shape, level=0.1, seed=0):
    return (level * np.random.default_rng(seed).normal(size=shape)).astype(np.float32)


def test_all_frames_at_once_are_one_frame_after_the_other(network, random_spectra):
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


def test_cancel_is_the_steps_put_together_and_states_stay(canceller, scene):
    s = scene(0.5)
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
def test_batching_changes_nothing(canceller, batch):
    mic, far = noise(*batch, 2000), noise(*batch, 2000, seed=1)
    together, rows = canceller.cancel(mic, far), (z.reshape(-1, 2000) for z in (mic, far))
    one_by_one = [canceller.cancel(m, f) for m, f in zip(*rows, strict=True)]
    assert together.shape == (*batch, 2000)
    assert together.dtype == np.float32
    np.testing.assert_allclose(together, np.reshape(one_by_one, together.shape), atol=1e-5)


def test_output_sees_no_further_than_its_latency(canceller, scene):
    s = scene(0.5)
    mic, far = s.mic.copy(), s.far.copy()
    mic[5000:] += 0.3
    far[5000:] *= -3
    out, expected = canceller.cancel(np.stack([mic, s.mic]), np.stack([far, s.far]))
    heard = np.s_[: 5000 - canceller.latency]
    np.testing.assert_allclose(out[heard], expected[heard], rtol=0, atol=1e-6)


STRESS = {
    "silence": (np.zeros(3000), np.zeros(3000)),
    "dc": (np.full(3000, 0.5), np.full(3000, 0.5)),
    "the same signal": (noise(3000), noise(3000)),
    "clipped": (np.sign(noise(3000)), np.sign(noise(3000))),
    "loud": (noise(3000, level=30), noise(3000, level=30, seed=1)),
    "quiet far end": (noise(3000), noise(3000, level=1e-6, seed=1)),
    "denormal": (1e-38 * noise(3000), 1e-38 * noise(3000, seed=1)),
}


def test_output_is_finite_and_of_the_size_of_the_inputs(canceller):
    mic, far = np.stack(list(STRESS.values()), axis=1).astype(np.float32)
    for case, out, *inputs in zip(STRESS, canceller.cancel(mic, far), mic, far, strict=True):
        assert np.isfinite(out).all(), case
        assert np.abs(out).max() <= 4 * np.abs(inputs).max(), case


def test_a_block_that_is_not_finite_is_an_error_and_the_state_lives_on(canceller):
    mic = noise(64)
    state, _ = canceller.step(canceller.init(()), mic, mic)
    with pytest.raises(AudioError, match="sample 0 of mic is not finite"):
        canceller.step(state, np.full(64, np.nan, np.float32), mic)
    assert np.isfinite(canceller.step(state, mic, mic)[1]).all()


def test_a_canceller_pickles_runs_on_one_thread_and_is_not_trained_any_further(network, canceller):
    mic, far = noise(1000), noise(1000, seed=1)
    before, threads = canceller.cancel(mic, far), torch.get_num_threads()
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(canceller)).cancel(mic, far), before)
    assert torch.get_num_threads() == threads
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 1
    np.testing.assert_array_equal(canceller.cancel(mic, far), before)


def test_loss_is_a_mean_over_examples_and_reaches_every_parameter(network, examples):
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
