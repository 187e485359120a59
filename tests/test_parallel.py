"""Work in several processes: what a worker reports arrives as it is, and a worker that is replaced is no news."""

import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import joblib
import pytest

import aecbench.parallel
from aecbench import errors
from aecbench.errors import AecbenchError, FailedItems, MissingExtra, NotInstalled, UnknownName
from aecbench.parallel import START, in_parallel

MADE = [
    MissingExtra("Dask", "dask"),
    NotInstalled("eSpeak NG", "pip install espeakng-loader"),
    UnknownName("model", "kalmann", ["kalman"]),
    FailedItems("2 items failed"),
]


def fail(error):
    raise error


def results(calls, jobs=2, batch=1):
    return list(in_parallel(calls, len(calls), "test", "calls", jobs=jobs, batch=batch))


def kinds(base):
    return [base, *(kind for direct in base.__subclasses__() for kind in kinds(direct))]


def test_every_error_survives_being_pickled():
    from aecbench import leaderboard  # not above: every worker that gets a function of this file would import it

    assert leaderboard  # which defines an error of its own
    for error in MADE + [kind.__new__(kind, "a message") for kind in kinds(AecbenchError)]:
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), again.exit_code) == (type(error), str(error), error.exit_code)
    assert {type(error).__name__ for error in MADE} < set(errors.__all__)


@pytest.mark.parametrize("error", MADE, ids=lambda error: type(error).__name__)
def test_an_error_in_a_worker_arrives_with_its_own_message(error):
    with pytest.raises(type(error)) as caught:
        results([joblib.delayed(fail)(error), joblib.delayed(fail)(error)])
    assert str(caught.value) == str(error)


NEEDY = """
import os
if os.getpid() != {parent}:
    {cause}
def work():
    return 1
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module that the main process can import, and return its function."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(name, text):
        (tmp_path / f"{name}.py").write_text(text)
        return __import__(name).work

    return write


@pytest.mark.parametrize(
    ("cause", "says"),
    [
        ("import a_module_that_is_missing", "ModuleNotFoundError: No module named 'a_module_that_is_missing'"),
        ("from os import a_name_that_is_missing", "ImportError: cannot import name 'a_name_that_is_missing'"),
        ("raise OSError('libespeak.so: cannot open shared object file')", "OSError: libespeak.so: cannot open"),
    ],
    ids=["module", "name", "library"],
)
def test_what_a_worker_cannot_import_is_named(module, cause, says, request):
    work = module(f"needy_{request.node.callspec.id}", NEEDY.format(parent=os.getpid(), cause=cause))
    with pytest.raises(AecbenchError, match="a worker process cannot read its work") as caught:
        results([joblib.delayed(work)()] * 2)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_workers_find_modules_in_places_that_were_added_since_they_started(module):
    assert results([joblib.delayed(abs)(-1)] * 2) == [1, 1]
    assert results([joblib.delayed(module("arrived_later", "def work():\n    return 2"))()] * 2) == [2, 2]


def test_workers_follow_into_another_folder(tmp_path, monkeypatch):
    assert results([joblib.delayed(abs)(-1)] * 2) == [1, 1]
    monkeypatch.chdir(tmp_path)
    assert results([joblib.delayed(Path.cwd)()] * 2) == [tmp_path] * 2


def leave(folder, number):
    (folder / str(number)).touch()


def wait_for(folder, numbers):
    end = time.monotonic() + 60
    while not (done := all((folder / str(number)).exists() for number in numbers)) and time.monotonic() < end:
        time.sleep(0.01)
    return done


def test_no_call_waits_behind_a_slow_one_while_another_process_is_free(tmp_path):
    short, slow, later = range(60), 60, range(61, 100)  # joblib puts short calls together, more and more of them
    calls = [joblib.delayed(leave)(tmp_path, number) for number in (*short, *later)]
    calls.insert(slow, joblib.delayed(wait_for)(tmp_path, later))
    assert results(calls)[slow]


def process(folder, waits=(), leaves=()):
    wait_for(folder, waits)
    for name in leaves:
        leave(folder, name)
    return os.getpid()


def test_a_batch_runs_in_one_process_and_the_next_one_beside_it(tmp_path):
    calls = [joblib.delayed(process)(tmp_path)] * 8
    calls[0], calls[4] = (joblib.delayed(process)(tmp_path, **{key: ["second"]}) for key in ("waits", "leaves"))
    found = results(calls, batch=4)
    assert len(set(found[:4])) == len(set(found[4:])) == 1
    assert found[0] != found[4]


@pytest.mark.parametrize("batch", [1, 4])
def test_each_process_has_another_batch_waiting(tmp_path, batch):
    """No call ends before four batches, two for each of two processes, are handed out."""

    def calls():
        for number in range(5 * batch):
            if number == 4 * batch - 1:
                leave(tmp_path, "handed_out")
            yield joblib.delayed(wait_for)(tmp_path, ["handed_out"])

    assert all(in_parallel(calls(), 5 * batch, "test", "calls", jobs=2, batch=batch))


def pids(calls, expected, jobs=-1):
    return set(in_parallel([joblib.delayed(os.getpid)()] * calls, calls, "test", "calls", jobs=jobs, expected=expected))


@pytest.fixture
def cores(monkeypatch):
    """Set the number of processes that -1 stands for, whatever the machine has."""
    return lambda count: monkeypatch.setattr(joblib, "effective_n_jobs", lambda jobs: count if jobs == -1 else jobs)


@pytest.mark.parametrize(("count", "starts", "here"), [(2, 1.9, True), (2, 2.1, False), (4, 1.4, False), (1, 9, True)])
def test_processes_start_only_if_they_save_more_than_their_start_takes(cores, count, starts, here):
    cores(count)
    assert (os.getpid() in pids(4, expected=starts * START)) == here


def test_a_number_of_processes_starts_them_for_any_work():
    assert os.getpid() not in pids(4, expected=0, jobs=2)


def test_what_takes_longer_than_expected_is_left_to_other_processes(cores, monkeypatch):
    cores(2)
    monkeypatch.setattr(aecbench.parallel, "START", 0.5)
    calls = [joblib.delayed(os.getpid)(), joblib.delayed(time.sleep)(0.6)]
    calls += [joblib.delayed(divmod)(n, 2) for n in range(4)] + [joblib.delayed(os.getpid)()]
    first, _, *others, last = in_parallel(calls, len(calls), "test", "calls", jobs=-1, expected=0.01)
    assert others == [divmod(n, 2) for n in range(4)]
    assert first == os.getpid() != last


def die():
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("batch", [1, 4])
def test_a_worker_that_dies_is_said_so_and_the_next_calls_have_others(batch):
    calls = [joblib.delayed(abs)(-1)] * 3 + [joblib.delayed(die)()]
    with pytest.raises(AecbenchError, match="a worker process died"):
        results(calls, batch=batch)
    assert results([joblib.delayed(abs)(-1)] * 4, batch=batch) == [1] * 4


REPLACED = """
import os, sys
from joblib import delayed
from joblib.externals.loky import process_executor
from aecbench.parallel import in_parallel

kept = []

def leak(number):
    process_executor._MEMORY_LEAK_CHECK_DELAY = 0
    process_executor._MAX_MEMORY_LEAK_SIZE = 2**20
    kept.append(bytes(range(256)) * 2**14)
    return number, os.getpid()

if __name__ == "__main__":
    import cloudpickle
    found = list(in_parallel((delayed(leak)(n) for n in range(12)), 12, "test", "calls", jobs=2))
    assert [number for number, _ in found] == list(range(12))
    assert len({process for _, process in found}) > 2, "no worker was replaced"
"""


def test_a_worker_that_is_replaced_is_no_news(tmp_path):
    (tmp_path / "program.py").write_text(REPLACED.replace("    import cloudpickle\n", ""))
    done = subprocess.run([sys.executable, tmp_path / "program.py"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def masked():
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_a_process_never_receives_ctrl_c_not_even_while_it_starts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # so that new workers start
    assert results([joblib.delayed(masked)()] * 2) == [True, True]
    assert not masked()
