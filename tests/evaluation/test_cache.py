"""Cached scores: which are reused, and which are computed again."""

import signal
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest

from aecbench.evaluation import evaluate
from aecbench.evaluation.run import _warm
from aecbench.metrics import METRICS
from aecbench.systems import load_system

FEW = {name: METRICS[name] for name in ("erle", "si_sdr")}


class Broken:
    latency = 0

    def cancel(self, mic, far):
        raise RuntimeError("out of luck")


COUNTING = """
from pathlib import Path

class Gain:
    latency = 0

    def cancel(self, mic, far):
        with Path(__file__).with_name("count").open("a") as file:
            file.write("x")
        return 0.5 * mic
"""


@pytest.fixture
def counted(tmp_path, monkeypatch):
    """A system from elsewhere, and how many scenes it has been run on since one asked last."""
    name = f"counting_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(COUNTING)
    count = tmp_path / "count"
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    system = load_system(f"{name}:Gain", "none")
    _warm.add(system.hash)

    def runs() -> int:
        found = len(count.read_text()) if count.exists() else 0
        count.unlink(missing_ok=True)
        return found

    return system, runs


def test_what_was_scored_before_is_not_scored_again(corpus, counted, tmp_path):
    system, runs = counted
    first = evaluate(system, corpus, FEW, cache=tmp_path)
    assert runs() == 6
    again = evaluate(system, corpus, FEW, cache=tmp_path)
    assert runs() == 0
    pd.testing.assert_frame_equal(first.rows, again.rows)


def test_a_metric_that_is_new_is_scored_and_those_before_are_kept(corpus, counted, tmp_path):
    system, runs = counted
    evaluate(system, corpus, FEW, cache=tmp_path)
    runs()
    more = evaluate(system, corpus, FEW | {"level": METRICS["level"]}, cache=tmp_path)
    assert runs() == 6
    assert not more.rows["failed"].any()
    evaluate(system, corpus, FEW | {"level": METRICS["level"]}, cache=tmp_path)
    assert runs() == 0


@pytest.mark.parametrize("change", ["version", "parameters", "code", "compiled", "libraries"])
def test_another_metric_system_or_code_is_scored_anew(corpus, counted, tmp_path, monkeypatch, change):
    system, runs = counted
    evaluate(system, corpus, FEW, cache=tmp_path)
    runs()
    metrics = dict(FEW)
    if change == "version":
        metrics["erle"] = replace(FEW["erle"], version=7)
    elif change == "parameters":
        system = replace(system, parameters={"gain": 0.6})
    elif change == "code":
        with (tmp_path / f"{system.name.partition(':')[0]}.py").open("a") as file:
            file.write("# edited")
    elif change == "compiled":
        (tmp_path / "libaec.so.1").write_bytes(b"built again")
    else:
        monkeypatch.setattr("aecbench.provenance.versions", lambda: {"numpy": "other"})
    evaluate(system, corpus, metrics, cache=tmp_path)
    assert runs() >= 6


def test_an_edited_line_is_not_trusted(corpus, counted, tmp_path):
    system, runs = counted
    honest = evaluate(system, corpus, FEW, cache=tmp_path).rows
    runs()
    (path,) = tmp_path.glob("*.jsonl")
    first, *others = path.read_text().splitlines(keepends=True)
    path.write_text(first.replace("6.02", "9.02") + "".join(others))
    scores = honest["metric"] != "rtf"
    assert evaluate(system, corpus, FEW, cache=tmp_path).rows["value"][scores].equals(honest["value"][scores])
    assert runs() == 1


def test_lines_of_another_system_are_not_trusted(corpus, counted, tmp_path):
    system, runs = counted
    other = replace(system, parameters={"other": 1})
    _warm.add(other.hash)
    for each in (system, other):
        evaluate(each, corpus, FEW, cache=tmp_path)
    one, two = tmp_path.glob("*.jsonl")
    one.write_bytes(two.read_bytes())
    runs()
    for each in (system, other):
        evaluate(each, corpus, FEW, cache=tmp_path)
    assert runs() == 6


def test_a_killed_run_goes_on_where_it_stopped(corpus, counted, tmp_path):
    system, runs = counted
    evaluate(system, corpus, FEW, cache=tmp_path)
    (path,) = tmp_path.glob("*.jsonl")
    path.write_bytes(path.read_bytes()[:-100])  # the sixth line is cut off
    runs()
    evaluate(system, corpus, FEW, cache=tmp_path)
    assert runs() == 1
    evaluate(system, corpus, FEW, cache=tmp_path)
    assert runs() == 0


def test_a_run_killed_by_a_signal_keeps_what_it_has_done(corpus, tmp_path):
    program = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom aecbench.evaluation import table as e\n"
        "from aecbench.corpus import open_corpus\nfrom aecbench.metrics import METRICS\n"
        "from aecbench.systems import load_system\nscore, done = e._score, []\n"
        "def dying(*arguments, **options):\n    if len(done) == 3:\n        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    done.append(1)\n    return score(*arguments, **options)\n"
        "e._score = dying\n"
        "e.evaluate(load_system('passthrough'), open_corpus(Path(sys.argv[1])), {'erle': METRICS['erle']},"
        " cache=Path(sys.argv[2]))"
    )
    died = subprocess.run([sys.executable, "-c", program, str(corpus.path), str(tmp_path)])
    assert died.returncode == -signal.SIGKILL
    (path,) = tmp_path.glob("*.jsonl")
    assert len(path.read_text().splitlines()) == 3
    rows = evaluate(load_system("passthrough"), corpus, {"erle": METRICS["erle"]}, cache=tmp_path).rows
    assert len(rows) == 12
    assert len(path.read_text().splitlines()) == 6


def test_failures_are_not_kept(corpus, counted, tmp_path):
    system, _ = counted
    broken = replace(system, canceller=Broken())
    assert len(evaluate(broken, corpus, FEW, cache=tmp_path).failed) >= 12
    rows = evaluate(system, corpus, FEW, cache=tmp_path).rows
    assert not rows["failed"].any()


def test_nothing_is_kept_of_a_program_whose_version_nobody_knows(corpus, tmp_path):
    system = load_system(f"command:{sys.executable} -c pass {{mic}} {{far}} {{out}}")
    evaluate(system, corpus, FEW, cache=tmp_path)
    assert not list(tmp_path.iterdir())
