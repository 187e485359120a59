"""The contract of every canceller.

`cancel` receives float32 [..., T] and returns real floating-point samples of the same shape. Each signal of a batch is
cancelled as if it were alone, the same input gives the same output, the inputs stay as they are, and output sample t
depends on input up to sample t + latency. For any input, the output is finite and at most 4 times its largest sample.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest

from aecbench.cancellers import TABLE, abilities
from aecbench.cancellers.abilities import Count, Facts, Trait, Wraps
from aecbench.cancellers.base import Canceller, Streaming
from aecbench.cancellers.output import checked
from aecbench.contract.audio import RATE, make_scene
from aecbench.errors import AecbenchError, NotInstalled
from aecbench.systems import load_system

NOT_LOADED: set[str] = set()  # names of cancellers for which a test has failed because they cannot be loaded


@pytest.fixture(params=TABLE.offered)
def name(request):
    return request.param


@pytest.fixture
def canceller(name):
    """The canceller `name`; if it cannot be loaded, its first test fails, and the others are skipped."""
    try:
        return load_system(name, "none").canceller
    except NotInstalled as missing:
        pytest.skip(str(missing))
    except AecbenchError as error:
        reason = str(error)
    if name in NOT_LOADED:
        pytest.skip(reason)
    NOT_LOADED.add(name)
    pytest.fail(reason, pytrace=False)


def noise(*shape, level=0.1, seed=0):
    return (level * np.random.default_rng(seed).normal(size=shape)).astype(np.float32)


def test_is_a_canceller(canceller):
    assert isinstance(canceller, Canceller), "expected a property latency and a method cancel(mic, far)"
    assert not abilities.flaw(canceller), abilities.flaw(canceller)


@pytest.mark.parametrize("shape", [(5000,), (1, 5000), (3, 2, 1000)])
def test_output_has_the_shape_of_mic_and_is_of_floating_point(canceller, shape):
    checked(canceller, canceller.cancel(noise(*shape), noise(*shape, seed=1)), shape)


@pytest.mark.parametrize("batch", [(3,), (2, 2)])
def test_batching_changes_nothing(canceller, batch):
    scenes = [make_scene(1.5, seed=seed, near=(0.7, 1.5)) for seed in range(int(np.prod(batch)))]
    mic = np.stack([s.mic for s in scenes]).reshape(*batch, -1)
    far = np.stack([s.far for s in scenes]).reshape(*batch, -1)
    one_by_one = np.stack([canceller.cancel(s.mic, s.far) for s in scenes]).reshape(mic.shape)
    several = "several signals at once give another output than one by one; does a state remain between calls?"
    np.testing.assert_allclose(canceller.cancel(mic, far), one_by_one, atol=1e-5, err_msg=several)


@pytest.mark.parametrize("cut", [12_000, 12_111])
def test_output_sees_no_further_than_its_latency(canceller, cut):
    s = make_scene(1.5)
    mic, far = s.mic.copy(), s.far.copy()
    mic[cut:] += 0.3
    far[cut:] *= -3
    original, edited = canceller.cancel(s.mic, s.far), canceller.cancel(mic, far)
    beginning = np.s_[: cut - canceller.latency]
    ahead = f"input from sample {cut} on changes earlier output than latency = {canceller.latency} samples allow"
    np.testing.assert_allclose(edited[beginning], original[beginning], rtol=0, atol=1e-6, err_msg=ahead)


def test_cancel_is_the_steps_put_together(canceller):
    if not isinstance(canceller, Streaming):
        pytest.skip("does not stream")
    s, block = make_scene(1.0), canceller.block
    state, outputs = canceller.init(()), []
    for start in range(0, s.mic.size - block + 1, block):
        state, out = canceller.step(state, s.mic[start : start + block], s.far[start : start + block])
        outputs.append(out)
    steps = np.concatenate(outputs)[canceller.delay :]
    cancelled = canceller.cancel(s.mic, s.far)[: steps.size]
    other = f"cancel gives another output than the steps without their first delay = {canceller.delay} samples"
    np.testing.assert_allclose(cancelled, steps, rtol=0, atol=1e-6, err_msg=other)


def test_a_step_leaves_the_state_it_was_given_as_it_was(canceller):
    if not isinstance(canceller, Streaming):
        pytest.skip("does not stream")
    s, block = make_scene(1.0), canceller.block
    state = canceller.init(())
    for start in range(0, 8 * block, block):
        state, _ = canceller.step(state, s.mic[start : start + block], s.far[start : start + block])
    last = s.mic[-block:], s.far[-block:]
    changed = "a second step from the same state gives another output: step must copy what it changes"
    np.testing.assert_array_equal(canceller.step(state, *last)[1], canceller.step(state, *last)[1], changed)


def leaves(state: Any) -> Iterator[Any]:
    """Yield the values of a state that are not containers."""
    if isinstance(state, tuple | list | dict):
        for part in state.values() if isinstance(state, dict) else state:
            yield from leaves(part)
    elif state is not None:
        yield state


@pytest.mark.parametrize("batch", [(), (3,), (3, 2)])
def test_the_batch_comes_first_in_every_array_of_a_state(canceller, batch):
    if not isinstance(canceller, Streaming):
        pytest.skip("does not stream")
    before = canceller.init(batch)
    after, _ = canceller.step(before, *noise(2, *batch, canceller.block))
    for state in (before, after):
        arrays = [leaf for leaf in leaves(state) if hasattr(leaf, "shape")]
        shapes = {array.shape for array in arrays if array.shape[: len(batch)] != batch}
        assert not shapes, f"arrays of the state have shapes {shapes}, expected the batch {batch} first"


COUNT = Count(3, 5.0)


@dataclass(frozen=True)
class Probe(Streaming[Any]):
    """A canceller with every ability; its output is the microphone signal."""

    traits: ClassVar = frozenset({Trait.UNVERSIONED})
    block: int = 64
    latency: int = 0
    count: Count | None = COUNT
    scene: str = ""

    def cost(self):
        return self.count

    def impulse_response(self, state):
        return np.broadcast_to(np.arange(1000, dtype=np.float32), (*state.shape, 1000))

    def inspect(self, mic, far):
        return {"probe": np.ones((mic.shape[-1] // self.block, 1))}

    def informed(self, facts):
        return replace(self, scene=facts.scene)

    def init(self, batch):
        return np.zeros(batch)

    def step(self, state, mic, far):
        return state, mic.astype(np.float32)


def check_wrapper(wrapper: Any) -> None:
    """Fail unless a wrapper forwards every ability of `aecbench.cancellers.abilities` to the canceller inside."""
    wrapped = wrapper.with_inner(Probe())
    assert type(wrapped) is type(wrapper)
    assert wrapped.inner == Probe()
    own = abilities.cost(wrapper.with_inner(Probe(count=Count(0, 0.0))))
    assert own is not None, "the wrapper is not counted"
    assert abilities.cost(wrapped) == own.plus(Probe().cost()), "the canceller inside is not counted"
    assert abilities.cost(wrapper.with_inner(Probe(count=None))) is None, "a sum without the canceller inside"
    mic, far = noise(2, wrapped.inner.block * 40)
    assert "probe" in abilities.inspect(wrapped, mic, far), "the decisions inside are not given"
    response = abilities.learnt_response(wrapped, mic, far)
    assert response is not None, "the impulse response inside is not given"
    np.testing.assert_array_equal(response[-10:], np.arange(990, 1000))
    facts = Facts("corpus/test/000001", RATE, np.zeros_like(mic))
    assert abilities.informed(wrapped, facts).inner.scene == facts.scene
    assert abilities.traits(wrapped) >= Probe.traits


def test_a_wrapper_passes_every_ability_on(canceller):
    if not isinstance(canceller, Wraps):
        pytest.skip("not a wrapper")
    check_wrapper(canceller)


def test_a_canceller_around_another_is_a_wrapper(canceller):
    values = [getattr(canceller, field.name) for field in fields(canceller)] if is_dataclass(canceller) else []
    for inner in (value for value in values if isinstance(value, Canceller)):
        assert isinstance(canceller, Wraps)
        assert canceller.inner is inner


def test_the_same_input_gives_the_same_output(canceller):
    s = make_scene(1.0, near=(0.5, 1.0))
    first, second = canceller.cancel(s.mic, s.far), canceller.cancel(s.mic, s.far)
    np.testing.assert_array_equal(
        second, first, "a second call gives another output; no state may remain between calls"
    )


def test_inputs_are_left_as_they_were(canceller):
    s = make_scene(0.5)
    mic, far = s.mic.copy(), s.far.copy()
    out = canceller.cancel(mic, far)
    out += 1
    np.testing.assert_array_equal(mic, s.mic, "cancel changes mic, or returns a view of it: copy it first")
    np.testing.assert_array_equal(far, s.far, "cancel changes far, or returns a view of it: copy it first")


@pytest.mark.parametrize("shape", [(0,), (1,), (2, 0), (2, 1)])
def test_next_to_nothing_is_a_signal_too(canceller, shape):
    checked(canceller, canceller.cancel(np.zeros(shape, np.float32), np.ones(shape, np.float32)), shape)


@pytest.mark.parametrize("length", [0, 1, 37, 512, 700, 1299])
def test_a_shorter_signal_gives_the_beginning_of_the_output(canceller, length):
    mic, far = noise(1300), noise(1300, seed=1)
    out = canceller.cancel(mic[:length], far[:length])
    samples = max(length - canceller.latency, 0)
    checked(canceller, out, (length,))
    other = f"the output for the first {length} samples is not the beginning of the output for 1300"
    np.testing.assert_allclose(out[:samples], canceller.cancel(mic, far)[:samples], rtol=0, atol=1e-6, err_msg=other)


SILENCE, DC = np.zeros(RATE, np.float32), np.full(RATE, 0.5, np.float32)
SPEECH = noise(RATE)
STRESS = {
    "both silent": (SILENCE, SILENCE),
    "mic silent": (SILENCE, SPEECH),
    "far silent": (SPEECH, SILENCE),
    "dc": (DC, DC),
    "dc against noise": (DC, SPEECH),
    "the same signal": (SPEECH, SPEECH),
    "clipped": (np.sign(SPEECH), np.clip(20 * SPEECH, -1, 1)),
    "loud": (100 * SPEECH, 100 * noise(RATE, seed=1)),
    "loud mic": (100 * SPEECH, noise(RATE, seed=1)),
    "loud far end": (SPEECH, 100 * noise(RATE, seed=1)),
    "far end at -90 dBFS": (SPEECH, noise(RATE, level=3e-5, seed=1)),
    "denormal": (1e-38 * SPEECH, 1e-38 * noise(RATE, seed=1)),
    "a click": (np.eye(1, RATE, 5000, dtype=np.float32)[0], np.eye(1, RATE, 4900, dtype=np.float32)[0]),
    "sudden end": (np.where(np.arange(RATE) < 8000, SPEECH, 0), np.where(np.arange(RATE) < 8000, SPEECH, 0)),
}


@pytest.mark.parametrize("case", STRESS)
def test_output_is_finite_and_of_the_size_of_the_inputs(canceller, case):
    mic, far = STRESS[case]
    out = canceller.cancel(mic, far)
    assert np.isfinite(out).all(), f"{case}: output sample {np.argmin(np.isfinite(out))} is NaN or infinite"
    largest, limit = np.abs(out).max(), 4 * max(np.abs(mic).max(), np.abs(far).max())
    assert largest <= limit, f"{case}: output of {largest:.3g}, expected at most {limit:.3g}, 4 times the largest input"
