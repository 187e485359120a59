import json
import signal
import subprocess
import sys
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest
import soundfile

from aecbench.errors import UsageError
from aecbench.evaluation import _changes, _warm, evaluate, scene_folder
from aecbench.metrics import DEFAULT_METRICS, METRICS
from aecbench.results import SOURCES, ResultTable
from aecbench.signals import STEMS
from aecbench.systems import System, load_system

FEW = {name: METRICS[name] for name in ("erle", "si_sdr")}


@dataclass(frozen=True)
class Gain:
    """Turns everything down."""

    gain: float = 1.0
    latency: int = 0

    def cancel(self, mic, far):
        return self.gain * mic


class Broken:
    """Fails on every other signal."""

    latency = 0

    def __init__(self) -> None:
        self.calls = 0

    def cancel(self, mic, far):
        self.calls += 1
        if self.calls % 2:
            raise RuntimeError("out of luck")
        return np.full_like(mic, np.nan)


@pytest.fixture(scope="module")
def table(corpus):
    return ResultTable.concat(
        [evaluate(load_system(name), corpus) for name in ("passthrough", "oracle", "nlms", "kalman")]
    )


def means(table, metric):
    return {system: intervals[metric].mean for (_, system), intervals in table.summary().items()}


def test_every_scene_has_a_row_for_every_metric(table):
    assert len(table.rows) == 6 * 4 * (len(DEFAULT_METRICS) + 1)
    assert not table.rows.duplicated(["scene", "system", "metric"]).any()


def test_undefined_values_have_a_reason_and_are_no_failures(table):
    undefined = table.rows[table.rows["value"].isna()]
    assert len(undefined)
    assert (undefined["reason"] != "").all()
    assert not table.rows["failed"].any()


def test_passthrough_changes_nothing(table):
    assert means(table, "erle")["passthrough"] == pytest.approx(0, abs=0.01)
    assert means(table, "erle_true")["passthrough"] == pytest.approx(0, abs=0.01)


BY_CHANCE = {"near_attenuation", "pumping"}  # echo may look like near end; few of these scenes have pauses at all


@pytest.mark.parametrize("metric", sorted(DEFAULT_METRICS.keys() - BY_CHANCE))
def test_oracle_is_best_everywhere(table, metric):
    values = means(table, metric)
    best = min(values.values()) if METRICS[metric].better == "lower" else max(values.values())
    assert values["oracle"] == pytest.approx(best, abs=0.1)


@pytest.mark.parametrize("jobs", [2])
def test_values_do_not_depend_on_processes(corpus, table, jobs):
    other = evaluate(load_system("nlms"), corpus, jobs=jobs).rows
    mine = table.rows[table.rows["system"] == "nlms"].reset_index(drop=True)
    deterministic = mine["metric"] != "rtf"
    np.testing.assert_array_equal(other["value"][deterministic], mine["value"][deterministic])


def test_a_failing_system_gives_rows_with_reasons(corpus):
    table = evaluate(System("broken", Broken(), "tests:Broken", {}), corpus, {"erle": METRICS["erle"]})
    failed = table.rows[table.rows["failed"]]
    assert len(table.rows) == 12
    assert {"RuntimeError: out of luck"} < set(failed["reason"])
    assert failed["reason"].str.contains("not finite").any()


@dataclass(frozen=True)
class Wrong:
    """An output that nobody can use."""

    kind: str
    latency: int = 0

    def cancel(self, mic, far):
        return {"not a number": mic * np.nan, "too short": mic[:100], "of two channels": np.stack([mic, mic])}[
            self.kind
        ]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("not a number", "not finite"), ("too short", "has shape"), ("of two channels", "has shape")],
)
def test_an_output_that_nobody_can_use_is_a_row_with_the_reason_for_every_metric(corpus, kind, reason):
    rows = evaluate(System("wrong", Wrong(kind), "tests:Wrong", {}), corpus, METRICS).rows
    rows = rows[rows["metric"] != "rtf"]
    assert len(rows) == 6 * len(METRICS)
    assert rows["value"].isna().all()
    assert rows["reason"].str.contains(reason).all()
    assert rows["failed"].all()


def test_silence_gains_no_more_than_the_oracle_and_the_identity_changes_nothing(corpus):
    systems = [load_system("passthrough"), System("silent", Gain(0.0), "tests:Gain", {}), load_system("oracle")]
    table = ResultTable.concat([evaluate(system, corpus, METRICS) for system in systems])
    assert set(table.destroyed) == {"silent"}
    for metric in ("erle", "erle_true", "erle_tail", "erle_segmental", "level"):
        assert means(table, metric)["passthrough"] == pytest.approx(0, abs=0.005), metric
    silent, oracle = means(table, "erle")["silent"], means(table, "erle")["oracle"]
    assert silent == pytest.approx(oracle, abs=1e-3)  # all that silence gains is what the echo alone would give
    assert means(table, "erle_raw")["silent"] == 100


def test_results_survive_the_disk_with_their_provenance(table, tmp_path):
    table.save(tmp_path)
    again = ResultTable.load(tmp_path / "rows.parquet")
    assert again.provenance == json.loads(json.dumps(table.provenance))
    assert again.rows["value"].equals(table.rows["value"])
    assert again.provenance["corpus"].keys() == {"id", "digest", "split", "scenes"}
    facts = {"corpus", "simulator", "systems", "models", "metrics", "columns", "plugins", "versions"}
    facts |= {"commit", "machine", "command"}
    assert again.provenance.keys() == facts
    assert again.provenance["machine"].keys() == {"system", "cpu", "cores"}


def test_the_echo_path_changes_with_response_delay_and_volume(corpus):
    scene = corpus[0].scene
    assert _changes(scene) == []
    channel = scene.channel.model_copy(update={"jumps": ((1.0, 0.1),), "volume": ((2.0, -6.0), (2.5, 0.0))})
    path = scene.path.model_copy(update={"kind": "switch", "times": (2.0,)})
    assert _changes(scene.model_copy(update={"channel": channel, "path": path})) == [1.0, 2.0, 2.5]


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


@pytest.mark.parametrize("change", ["version", "parameters", "code", "libraries"])
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
        "import os, signal, sys\nfrom pathlib import Path\nfrom aecbench import evaluation as e\n"
        "from aecbench.corpus import open_corpus\nfrom aecbench.metrics import METRICS\n"
        "from aecbench.systems import load_system\nscore, done = e._score, []\n"
        "def dying(*arguments):\n    if len(done) == 3:\n        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    done.append(1)\n    return score(*arguments)\n"
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


def test_a_system_that_silences_everything_is_marked_and_comes_last(corpus, table):
    silent = evaluate(System("silent", Gain(0.0), "tests:Gain", {}), corpus)
    everything = ResultTable.concat([table, silent])
    assert set(everything.destroyed) == {"silent"}
    rows = everything.rows.drop(columns=SOURCES, errors="ignore")
    several = [rows.assign(scene=rows["scene"] + f" {n}") for n in range(4)]  # enough to rank
    ranks = {system: ranks for (_, system), ranks in replace(everything, rows=pd.concat(several)).ranks().items()}
    assert means(everything, "erle")["silent"] > means(everything, "erle")["kalman"]
    assert ranks["silent"]["erle_true"] == len(everything.systems) - 1
    assert set(ranks["oracle"].values()) == {None}


def test_audio_of_scenes_is_written(corpus, tmp_path):
    evaluate(load_system("passthrough"), corpus.where(scene=corpus.scenes["scene"].iloc[-1]), FEW, audio=tmp_path)
    (folder,) = tmp_path.iterdir()
    assert {path.stem for path in folder.iterdir()} == {*STEMS, "passthrough"}
    mic, output = (soundfile.read(folder / f"{name}.wav")[0] for name in ("mic", "passthrough"))
    np.testing.assert_array_equal(mic, output)


def test_scenes_in_which_nothing_correlates_are_marked(corpus, tmp_path, aecbench, monkeypatch):
    monkeypatch.setattr("aecbench.dsp.echo.LEAST", 1e9)
    monkeypatch.setattr("aecbench.dsp.echo.CERTAIN", 1e9)
    talks = corpus.scenes.set_index("scene")["talk"]
    options = ["--model", "passthrough", "--corpus", corpus.path, "--metric", "erle", "--jobs", 1, "--out", "run"]
    result = aecbench("eval", *options, "--json")
    expected = sorted(scene for scene in talks.index[talks != "near_single"] if "/test/" in scene)
    assert sorted(json.loads(result.stdout)["no_echo"]) == expected
    assert f"{len(expected)} scenes, such as " in result.stderr
    rows = ResultTable.load(tmp_path / "run" / "rows.parquet").rows
    assert set(rows.loc[rows["scene"].isin(expected), "echo"]) == {0.0}
    assert aecbench("eval", *options, "--json").stdout == result.stdout  # from what is kept


def test_echoes_of_scenes_are_found(corpus):
    rows = evaluate(load_system("passthrough"), corpus, ["erle"]).rows
    assert set(rows["echo"].dropna()) == {1.0}
    assert rows.loc[rows["talk"] != "near_single", "echo"].notna().all()


@pytest.mark.parametrize("ids", [("s/1_doubletalk", "s-1_doubletalk"), ("a/b/c", "a-b/c"), ("a/b-c", "a-b-c")])
def test_no_two_scenes_share_a_folder(tmp_path, ids):
    folders = {scene_folder(tmp_path, f"corpus/test/{index}") for index in ids}
    assert len(folders) == 2


@pytest.mark.parametrize("names", [("mic",), ("a b", "a_b"), ("far", "x")])
def test_outputs_that_would_replace_another_file_are_refused(corpus, tmp_path, names):
    systems = [System(name, Gain(), "tests:Gain", {}) for name in names]
    with pytest.raises(UsageError, match="give it another name"):
        evaluate(systems, corpus, ["erle"], audio=tmp_path / "audio")
