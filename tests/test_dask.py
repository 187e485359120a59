"""The same corpus and the same scores from a Dask cluster: a scheduler and two workers, processes of their own."""

import re
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from aecbench.corpus import open_corpus
from aecbench.corpus.verify import verify
from aecbench.errors import AecbenchError
from aecbench.evaluation import evaluate
from aecbench.metrics import METRICS
from aecbench.recipe import read_recipe
from aecbench.simulation import simulate
from aecbench.systems import load_system

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")


class Cluster:
    """A scheduler and its workers."""

    def __init__(self, folder):
        self.folder, self.processes, self.readers = folder, [], []
        scheduler = self.start("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        self.address = self.read(scheduler, r"Scheduler at:\s+(tcp://\S+)")
        for _ in range(2):
            self.add_worker()

    def start(self, module, *arguments):
        command = [sys.executable, "-m", module, *arguments]
        process = subprocess.Popen(
            command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        self.processes.append(process)
        return process

    def add_worker(self):
        worker = self.start(
            "distributed.cli.dask_worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard"
        )
        self.read(worker, r"Registered to:\s+(tcp://\S+)")
        return worker

    def read(self, process, pattern):
        for line in process.stderr:
            if found := re.search(pattern, line):
                self.readers.append(threading.Thread(target=drain, args=[process.stderr]))
                self.readers[-1].start()
                return found[1]
        raise AssertionError(f"{process.args} ended with {process.wait()}")

    def stop(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        for reader in self.readers:
            reader.join()


def drain(stream):
    """Read what comes, so that the process never waits, and close the stream."""
    with stream:
        stream.read()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    cluster.stop()


def test_a_corpus_made_on_a_cluster_has_the_same_digest(cluster, spec, corpus, tmp_path):
    assert simulate(spec, tmp_path / "c", scheduler=cluster.address).digest == corpus.digest


def test_scores_from_a_cluster_are_the_same(cluster, corpus):
    metrics = {name: METRICS[name] for name in ("erle", "si_sdr")}
    here, there = (
        evaluate(load_system("kalman"), corpus, metrics, scheduler=scheduler).rows
        for scheduler in (None, cluster.address)
    )
    scores = here["metric"] != "rtf"
    np.testing.assert_allclose(there["value"][scores], here["value"][scores], rtol=1e-6)


def test_a_killed_worker_does_not_end_the_run(cluster, recipe_file, tmp_path):
    long = read_recipe(str(recipe_file), ["duration=1.5", "talk.near_onset=0.7"], split="test", scenes=64)
    expected = simulate(long, tmp_path / "here").digest
    killed = cluster.add_worker()

    def kill():
        end = time.monotonic() + 60
        while not list((tmp_path / "there").rglob("*.h5*")) and time.monotonic() < end:
            time.sleep(0.01)
        killed.send_signal(signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    assert simulate(long, tmp_path / "there", scheduler=cluster.address).digest == expected
    killer.join()
    assert killed.wait() == -signal.SIGKILL
    assert verify(open_corpus(tmp_path / "there")) == []


def test_a_scheduler_that_does_not_answer_is_said_so(spec, tmp_path, monkeypatch):
    monkeypatch.setattr("aecbench.parallel.PATIENCE", 1)
    with pytest.raises(AecbenchError, match="no Dask scheduler at"):
        simulate(spec, tmp_path / "c", scheduler="tcp://127.0.0.1:9")


def test_workers_import_the_module_of_a_model_that_is_younger_than_they_are(cluster, corpus, tmp_path):
    folder = tmp_path / "models" / "halver"
    folder.mkdir(parents=True)
    (folder / "halver_for_dask.py").write_text(
        "class Halver:\n    latency = 0\n\n    def cancel(self, mic, far):\n        return 0.5 * mic\n"
    )
    (folder / "card.toml").write_text('canceller = "halver_for_dask:Halver"\nsummary = "half"\n')
    table = evaluate(f"mine={folder}", corpus, {"erle": METRICS["erle"]}, scheduler=cluster.address)
    assert table.failed.empty
    assert table.systems == ["mine"]
