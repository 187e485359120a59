import os
import signal
import subprocess
import sys
import time

import numpy as np
import pesq as package
import pytest
from joblib import Parallel, delayed

from aecbench.metrics import pesq_worker, score
from aecbench.metrics.base import Inapplicable, Undefined
from aecbench.metrics.pesq import pesq
from aecbench.metrics.pesq_worker import PesqFailure, run
from aecbench.signals import Signals

RATE = 16_000


def of_near(near: np.ndarray) -> Signals:
    return Signals(mic=near, far=0 * near, near=near, echo=0 * near, noise=0 * near)


def noisy(x: np.ndarray, seed: int = 9) -> np.ndarray:
    return x + (0.02 * np.random.default_rng(seed).standard_normal(x.size)).astype(np.float32)


def bursts(count: int) -> np.ndarray:
    """Noise of 0.2 s, silence of 0.3 s, and so on: more than 50 of them crash the C code."""
    burst = np.zeros(RATE // 2, np.float32)
    burst[: RATE // 5] = 0.1 * np.random.default_rng(0).standard_normal(RATE // 5)
    return np.tile(burst, count)


def worker_pid() -> int:
    return pesq_worker._worker().process.pid


def test_the_near_end_itself_gets_the_highest_mark(speech):
    """P.862.2: MOS-LQO = 0.999 + 4 / (1 + exp(-1.3669 x + 3.8224)) of the raw score x, at most 4.5 (P.862)."""
    near = speech(0, 2)
    assert pesq(of_near(near), near, RATE) == pytest.approx(0.999 + 4 / (1 + np.exp(-1.3669 * 4.5 + 3.8224)), abs=1e-5)


def test_is_what_the_package_gives(speech):
    near, estimate = speech(0, 3), noisy(speech(0, 3))
    assert pesq(of_near(near), estimate, RATE) == pytest.approx(package.pesq(RATE, near, estimate, "wb"), abs=1e-5)


def test_an_estimate_that_diverged_gets_a_mark(speech):
    near, estimate = speech(0, 2), noisy(speech(0, 2))
    expected = pesq(of_near(near), estimate, RATE)
    assert pesq(of_near(near), estimate * np.float32(1e37), RATE) == pytest.approx(expected, abs=1e-5)


def test_more_noise_costs_marks_at_any_rate(speech):
    for rate in (8_000, 48_000):
        near = speech(0, 2, rate)
        clean, little, much = (pesq(of_near(near), near + k * (noisy(near) - near), rate) for k in (0, 0.1, 1))
        assert clean > 4.6 > little > much


def test_long_audio_is_the_mean_over_equal_windows(speech):
    near, estimate = speech(0, 18), noisy(speech(0, 18))
    half = near.size // 2
    halves = [run(near[part], estimate[part]) for part in (slice(half), slice(half, None))]
    assert halves[0] != pytest.approx(halves[1], abs=1e-3)
    assert pesq(of_near(near), estimate, RATE) == pytest.approx(np.mean(halves), abs=1e-4)


def test_a_window_in_which_the_near_end_is_silent_does_not_count(speech):
    near = np.concatenate([speech(0, 3), np.zeros(25 * RATE, np.float32)])
    estimate = noisy(near)
    half = near.size // 2
    assert pesq(of_near(near), estimate, RATE) == pytest.approx(run(near[:half], estimate[:half]), abs=1e-4)


def test_an_estimate_that_is_silent_in_a_whole_window_is_undefined(speech):
    near = speech(0, 18)
    estimate = near.copy()
    estimate[near.size // 2 :] = 0
    with pytest.raises(Undefined, match="PESQ: not a number"):
        pesq(of_near(near), estimate, RATE)


def test_too_little_speech_is_undefined():
    click = np.zeros(RATE, np.float32)
    click[5000] = 1
    with pytest.raises(Inapplicable, match=r"PESQ: less than 0\.5 s of speech"):
        pesq(of_near(click), click, RATE)


@pytest.mark.parametrize(("samples", "reason"), [(RATE // 5, "shorter than 0.25 s"), (RATE, "no utterance detected")])
def test_the_codes_of_the_package_become_reasons(samples, reason):
    with pytest.raises(PesqFailure, match=reason):
        run(np.zeros(samples, np.float32), np.ones(samples, np.float32))


def test_a_crash_of_the_c_code_is_a_reason_and_the_next_call_works(speech):
    near = speech(0, 1)
    before = run(near, noisy(near))
    with pytest.raises(PesqFailure, match=r"^worker died \(signal 11\)$"):
        run(bursts(60), noisy(bursts(60)))
    assert run(near, noisy(near)) == before


def test_windows_are_too_short_for_that_crash():
    near = bursts(60)
    result = score("pesq", of_near(near), noisy(near), RATE)
    assert 1 < result.value < 4.6
    assert not result.failed


def test_a_crash_during_a_run_is_a_failed_score_and_not_the_end(monkeypatch):
    monkeypatch.setattr("aecbench.metrics.pesq.WINDOW", 60)
    signals = of_near(bursts(60))
    value, reason, failed = score("pesq", signals, noisy(signals.near), RATE)
    assert np.isnan(value)
    assert (reason, failed) == ("PESQ: worker died (signal 11)", True)


def test_the_worker_is_kept_and_a_dead_one_replaced(speech):
    near = speech(0, 1)
    value, pid = run(near, noisy(near)), worker_pid()
    assert (run(near, noisy(near)), worker_pid()) == (value, pid)
    os.kill(pid, signal.SIGSEGV)
    while pesq_worker._local.worker.process.poll() is None:
        time.sleep(0.001)
    assert run(near, noisy(near)) == value
    assert worker_pid() != pid


def test_a_worker_that_dies_during_a_call_is_a_reason(speech):
    near = speech(0, 1)
    worker = pesq_worker._worker()
    os.kill(worker.process.pid, signal.SIGKILL)
    with pytest.raises(PesqFailure, match=r"worker died \(signal 9\)"):
        worker.ask(near, near, 60)


def test_a_call_that_takes_too_long_is_ended(speech):
    near = speech(0, 10)
    with pytest.raises(PesqFailure, match=r"no answer within 0\.01 s"):
        run(near, near, timeout=0.01)
    assert run(near[:RATE], near[:RATE]) > 4.6


def test_an_interrupted_call_leaves_no_answer_behind(speech):
    def interrupt(*_):
        raise KeyboardInterrupt

    near, long = speech(0, 1), speech(0, 14)
    expected = run(near, noisy(near))
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(KeyboardInterrupt):
            run(long, long)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert run(near, noisy(near)) == expected


def test_results_do_not_depend_on_the_calls_before(speech):
    pairs = [(speech(seed, seconds), noisy(speech(seed, seconds))) for seed, seconds in [(1, 1), (2, 3), (3, 2)]]
    forth = [run(*pair) for pair in pairs]
    assert [run(*pair) for pair in reversed(pairs)] == forth[::-1]


def score_and_crash(near: np.ndarray) -> tuple[float, str, float]:
    value = run(near, noisy(near))
    try:
        run(bursts(60), noisy(bursts(60)))
    except PesqFailure as failure:
        return value, str(failure), run(near, noisy(near))
    return value, "did not crash", value


@pytest.mark.parametrize("fault", ["raise ImportError", "import a_module_that_is_missing", "from os import missing"])
def test_a_package_that_cannot_be_imported_is_told_apart_from_a_crash(speech, tmp_path, monkeypatch, capfd, fault):
    (tmp_path / "pesq.py").write_text(fault)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(pesq_worker._local, "worker", None)
    near = speech(0, 2)
    with pytest.raises(PesqFailure, match=r"^the package pesq cannot be imported; python -c 'import pesq' says why$"):
        run(near, near)
    assert capfd.readouterr().err == ""


def test_works_in_joblib_workers(speech):
    near = speech(0, 1)
    value = run(near, noisy(near))
    results = Parallel(n_jobs=2, backend="loky")(delayed(score_and_crash)(near) for _ in range(2))
    assert results == [(value, "worker died (signal 11)", value)] * 2


HEADER = """
import os, sys, threading
import numpy as np
from aecbench.metrics.pesq_worker import _worker, run

x = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)

def work():
    assert run(x, x) > 4.6
    print(_worker().process.pid, flush=True)

work()
"""

THREADS = """
threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""

FORK = """
child = os.fork()
work()
if child == 0:
    sys.exit()
assert os.waitpid(child, 0)[1] == 0
work()
"""


@pytest.mark.parametrize(
    ("body", "calls", "workers"), [("", 1, 1), (THREADS, 3, 3), (FORK, 4, 2)], ids=["plain", "threads", "fork"]
)
def test_a_plain_script_leaves_no_process_and_no_warning(tmp_path, body, calls, workers):
    """No guard for __main__; each thread and each forked process has a worker of its own and keeps it."""
    script = tmp_path / "script.py"
    script.write_text(HEADER + body)
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", script],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    pids = [int(pid) for pid in done.stdout.split()]
    assert (len(pids), len(set(pids))) == (calls, workers)
    for pid in set(pids):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
