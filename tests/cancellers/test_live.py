"""Audio that arrives in chunks of any size, and blocks of the wrong one."""

from dataclasses import replace

import numpy as np
import pytest

from aecbench.cancellers import CANCELLERS
from aecbench.cancellers.align import aligned, alignment
from aecbench.cancellers.base import Streaming
from aecbench.cancellers.live import Live
from aecbench.contract.test_cancellers import noise
from aecbench.errors import AudioError, NotInstalled, UsageError
from aecbench.systems import System, import_class, load_system


@pytest.fixture(params=sorted(CANCELLERS))
def canceller(request):
    try:
        canceller = import_class(CANCELLERS[request.param], None)()
    except NotInstalled as missing:
        pytest.skip(str(missing))
    if not isinstance(canceller, Streaming):
        pytest.skip("does not stream")
    return canceller


def run(live, mic, far, sizes):
    """Return the output for chunks whose sizes come again and again."""
    rng, start, parts = np.random.default_rng(0), 0, []
    while start < mic.size:
        span = slice(start, start + rng.choice(sizes))
        parts.append(live.process(mic[span], far[span]))
        assert parts[-1].shape == mic[span].shape
        start = span.stop
    return np.concatenate(parts)


@pytest.mark.parametrize("system", ["nlms", "kalman", "kalman_res", "deep_joint"])
@pytest.mark.parametrize("align", ["auto", "none", "7.3"])
@pytest.mark.parametrize("sizes", [[160], [256], [1, 0, 480, 441, 3000]])
def test_chunks_of_any_size_give_the_output_of_the_whole_signal_late_by_the_delay(system, align, sizes, scene):
    s = scene(1.5)
    loaded = load_system(system, align)
    live = loaded.live()
    out = run(live, s.mic, s.far, sizes)
    expected = loaded.cancel(s.mic, s.far)[: -live.delay]
    np.testing.assert_allclose(out[live.delay :], expected, rtol=0, atol=2e-6)
    assert not out[: live.block - 1].any()


def test_the_delay_is_the_latency_of_what_computes_block_by_block():
    for name in ("fdaf", "kalman", "kalman_res", "deep_adaptive", "deep_joint", "deep_step_size"):
        system = load_system(name)
        assert system.live().delay == system.canceller.latency


def test_two_calls_do_not_share_a_state(scene):
    s = scene(0.5)
    first, second = load_system("kalman").live(), load_system("kalman").live()
    once = first.process(s.mic, s.far)
    first.process(s.mic, s.far)
    np.testing.assert_array_equal(second.process(s.mic, s.far), once)


@pytest.mark.parametrize(
    ("mic", "far", "message"),
    [
        (np.zeros(160, np.int16), np.zeros(160), r"^mic is int16; expected floating point, full scale 1.0"),
        (np.zeros(160), np.zeros(80), r"^mic has shape \(160,\), far \(80,\)"),
        (np.zeros((160, 1)), np.zeros((160, 1)), r"^mic has shape \(160, 1\), far \(160, 1\); expected \[N\]"),
        (np.zeros(160), np.full(160, np.nan), r"^far has 160 samples that are not finite"),
        (np.zeros(160), np.full(160, 1e39), r"^far has samples up to 1e\+39, too large for float32; divide it by"),
        ([0] * 160, [0.0] * 160, r"^mic is int64; expected floating point, full scale 1.0"),
        ([0.0, [0.0, 0.0]], [0.0] * 2, r"^mic cannot be read as an array"),
        (
            b"0" * 320,
            np.zeros(160),
            r"^mic is raw bytes; for 16-bit samples, pass np.frombuffer\(mic, np.int16\) / 32768$",
        ),
        (None, np.zeros(160), r"^mic is NoneType; expected floating point"),
    ],
)
def test_chunks_that_cannot_be_used_are_one_line_and_change_nothing(mic, far, message, scene):
    s = scene(0.3)
    live, other = load_system("kalman").live(), load_system("kalman").live()
    with pytest.raises(AudioError, match=message):
        live.process(mic, far)
    np.testing.assert_array_equal(live.process(s.mic, s.far), other.process(s.mic, s.far))


def test_lists_and_samples_of_any_floating_type_are_like_arrays(scene):
    s = scene(0.3)
    out = load_system("kalman").live().process(s.mic, s.far)
    for mic, far in ((s.mic.tolist(), s.far.tolist()), (s.mic.astype(float), s.far.astype(">f8"))):
        np.testing.assert_array_equal(load_system("kalman").live().process(mic, far), out)


class OwnRate(Streaming):
    """A canceller for 48 kHz whose output may be anything."""

    block, latency, sample_rate = 480, 479, 48_000

    def __init__(self, gain=1.0):
        self.gain = gain

    def init(self, batch):
        return ()

    def step(self, state, mic, far):
        return state, self.gain * mic


def test_the_sample_rate_is_that_of_the_canceller_or_16_khz():
    own = System("own", OwnRate(), "tests:OwnRate", {})
    assert (load_system("kalman").live().sample_rate, own.live().sample_rate) == (16_000, 48_000)
    late = replace(own, canceller=aligned(own.canceller, alignment("20")), align="20")
    with pytest.raises(UsageError, match=r"^own with align 20 is for audio at 16000 Hz, and .* is at 48000 Hz"):
        late.live()


def test_an_output_that_is_not_finite_is_an_error():
    with pytest.raises(AudioError, match=r"^the output of the canceller is not finite; mend it"):
        Live(OwnRate(np.inf)).process(noise(480), noise(480))


def test_what_cannot_run_live_says_so():
    with pytest.raises(UsageError, match=r"^ours does not run block by block; .* whole recordings$"):
        load_system("ours=command:cp {mic} {out} {far}").live()
    with pytest.raises(UsageError, match=r"^align -20: a system that runs live cannot delay the microphone"):
        load_system("kalman", "-20").live()


@pytest.mark.parametrize("size", [1, 160, 441, 512])
def test_a_step_takes_exactly_a_block(canceller, size):
    with pytest.raises(AudioError, match=rf"mic has shape \({size},\), and a step takes \(256,\); collect samples"):
        canceller.step(canceller.init(()), noise(size), noise(size, seed=1))


def test_a_step_takes_both_signals_in_floating_point(canceller):
    state, mic = canceller.init(()), noise(canceller.block)
    with pytest.raises(AudioError, match=r"far has shape \(255,\), and a step takes \(256,\)"):
        canceller.step(state, mic, mic[:-1])
    with pytest.raises(AudioError, match=r"mic is int16; expected floating point"):
        canceller.step(state, (mic * 2**15).astype(np.int16), mic)


def test_a_live_canceller_of_ones_own_may_have_any_block(scene):
    s = scene(0.5)
    kalman = import_class(CANCELLERS["kalman"], None)(block=64, taps=1024)
    live = Live(kalman)
    np.testing.assert_allclose(
        run(live, s.mic, s.far, [160])[live.delay :], kalman.cancel(s.mic, s.far)[: -live.delay], atol=1e-6
    )
