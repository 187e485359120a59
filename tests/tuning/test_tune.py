"""Tuning: what it finds, what it refuses, and that it can be stopped."""

import importlib
import sys

import numpy as np
import pytest

from aecbench.cancellers.tunable import tunable
from aecbench.config import read_toml
from aecbench.errors import AecbenchError, MissingExtra, UsageError
from aecbench.evaluation import evaluate
from aecbench.metrics import METRICS
from aecbench.recipe import read_recipe
from aecbench.simulation import simulate
from aecbench.systems import load_system
from aecbench.tuning import tune

pytest.importorskip("optuna")

TOY = '''
import os
from dataclasses import dataclass
import numpy as np
from aecbench.cancellers.tunable import tunable
from aecbench.errors import UsageError

@dataclass(frozen=True)
class Toy:
    """Cancels best, by 40 dB, with gain 0.3 and forgetting 0.999."""
    gain: float = tunable(0.9, low=0.0, high=1.0)
    forgetting: float = tunable(0.9, low=0.9, high=0.9999, scale="complement")
    block: int = tunable(64, 32, 64, 100)
    trap: str = ""
    latency = 0

    def __post_init__(self):
        if self.block == 100:
            raise UsageError("block is 100, expected a power of two")

    def cancel(self, mic, far):
        if self.trap == "raises" and self.gain < 0.7:
            raise RuntimeError("out of luck")
        if self.trap == "nan" and self.gain < 0.7:
            return np.full_like(mic, np.nan)
        if self.trap == "exits" and self.gain < 0.7:
            raise SystemExit("out of patience")
        if self.trap == "dies":
            os._exit(7)
        if self.trap == "always":
            raise RuntimeError("never in luck")
        return mic * np.float32(0.01 + abs(self.gain - 0.3) + abs(np.log10(1 - self.forgetting) + 3) / 10)

@dataclass(frozen=True)
class Plain:
    latency = 0
    def cancel(self, mic, far):
        return mic
'''


@pytest.fixture(scope="module")
def tuning_corpus(tmp_path_factory, recipe_file):
    sizes = ["splits.val=12", "splits.test=2", "duration=1.5", "talk.near_onset=0.7"]
    return simulate(read_recipe(str(recipe_file), sizes), tmp_path_factory.mktemp("corpora") / "tuning")


@pytest.fixture(autouse=True)
def toy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy_aec.py").write_text(TOY)


def toy_with(tmp_path, **parameters):
    folder = tmp_path / "toy"
    folder.mkdir(exist_ok=True)
    lines = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    (folder / "card.toml").write_text(f'canceller = "toy_aec:Toy"\nsummary = "a toy"\n[parameters]\n{lines}\n')
    return load_system(str(folder), "none")


def trials_of(folder):
    """What the finished trials of every search in a folder tried and scored."""
    optuna = pytest.importorskip("optuna")
    journal = optuna.storages.journal
    storage = journal.JournalStorage(journal.JournalFileBackend(str(folder / "trials.journal")))
    studies = [optuna.load_study(study_name=name, storage=storage) for name in optuna.get_all_study_names(storage)]
    return [
        [
            (trial.state.name, trial.user_attrs["attempt"]["parameters"], trial.value)
            for trial in study.trials
            if trial.state.name in ("COMPLETE", "PRUNED")
        ]
        for study in studies
    ]


def test_the_optimum_is_found_and_the_card_reproduces_its_value(tuning_corpus, tmp_path):
    system = load_system("toy_aec:Toy", "none")
    tuned = tune(system, tuning_corpus, {"erle": 2.0}, trials=30, out=tmp_path / "out")
    assert tuned.before.parameters == {"gain": 0.9, "forgetting": 0.9, "block": 64}
    assert tuned.before.means["erle"] == pytest.approx(-20 * np.log10(0.81), abs=1e-3)
    assert tuned.after.means["erle"] > 20
    assert tuned.after.parameters["gain"] == pytest.approx(0.3, abs=0.1)
    assert tuned.after.value == 2 * tuned.after.means["erle"]
    assert tuned.trials["pruned"] > 3
    assert tuned.trials["failed"] > 0
    assert "power of two" in tuned.failure
    assert sum(tuned.trials.values()) == 30
    again = load_system(str(tmp_path / "out"), "none")
    assert {**again.parameters} == tuned.after.parameters
    table = evaluate(again, tuning_corpus, {"erle": METRICS["erle"]}, split="val")
    assert table.summary()["", "out"]["erle"].mean == pytest.approx(tuned.after.means["erle"], rel=1e-12)
    origin = read_toml(tmp_path / "out" / "card.toml")["origin"]
    assert origin["corpus"]["digest"] == tuning_corpus.digest
    assert (origin["corpus"]["split"], origin["corpus"]["scenes"]) == ("val", 12)
    assert origin["after"]["value"] == tuned.after.value > origin["before"]["value"]


def test_importances_tell_that_gain_matters(tuning_corpus, tmp_path):
    system = load_system("toy_aec:Toy", "none")
    chosen = ["gain", "block"]
    tuned = tune(system, tuning_corpus, {"erle": 1}, trials=18, scenes=3, parameters=chosen, out=tmp_path)
    assert tuned.after.parameters.keys() == {"gain", "block"}
    assert tuned.trials["pruned"] == 0
    assert sum(tuned.importances.values()) == pytest.approx(1)
    assert tuned.importances["gain"] > 0.5


def test_a_search_that_was_interrupted_goes_on_as_if_it_was_not(tuning_corpus, tmp_path, monkeypatch):
    system = load_system("toy_aec:Toy", "none")
    module = importlib.import_module("aecbench.tuning.score")
    tune(system, tuning_corpus, {"erle": 1}, trials=12, out=tmp_path / "whole")

    calls, scored = iter(range(10_000)), module._outcome

    def interrupted(*arguments):
        if next(calls) in (5, 60, 100):
            raise KeyboardInterrupt
        return scored(*arguments)

    monkeypatch.setattr(module, "_outcome", interrupted)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            tune(system, tuning_corpus, {"erle": 1}, trials=12, out=tmp_path / "parts")
        with (tmp_path / "parts" / "trials.journal").open("a") as journal:
            journal.write('{"op_code": 6, "wor')  # and killed while it wrote
        (tmp_path / "parts" / "trials.journal.lock").touch()
    assert not (tmp_path / "parts" / "card.toml").exists()
    tune(system, tuning_corpus, {"erle": 1}, trials=12, out=tmp_path / "parts")
    assert trials_of(tmp_path / "parts") == trials_of(tmp_path / "whole")


def test_fewer_trials_than_were_made_give_the_best_of_the_first(tuning_corpus, tmp_path):
    system = load_system("toy_aec:Toy", "none")
    first = tune(system, tuning_corpus, {"erle": 1}, trials=3, scenes=3, out=tmp_path)
    tune(system, tuning_corpus, {"erle": 1}, trials=8, scenes=3, out=tmp_path)
    assert tune(system, tuning_corpus, {"erle": 1}, trials=3, scenes=3, out=tmp_path) == first


@pytest.mark.parametrize(
    ("toy_of", "setting"),
    [
        ({}, {"parameters": ["gain"]}),
        ({}, {"metrics": {"erle": 2}}),
        ({}, {"seed": 1}),
        ({}, {"scenes": 3}),
        ({"gain": 0.8}, {}),
    ],
)
def test_another_search_needs_a_folder_of_its_own(tuning_corpus, tmp_path, toy_of, setting):
    common = {"metrics": {"erle": 1}, "trials": 1, "scenes": 2, "out": tmp_path / "out"}
    tune(toy_with(tmp_path), tuning_corpus, **common)
    card = (tmp_path / "out" / "card.toml").read_bytes()
    with pytest.raises(UsageError, match=r"contains another search, of toy .*--out"):
        tune(toy_with(tmp_path, **toy_of), tuning_corpus, **common | setting)
    assert (tmp_path / "out" / "card.toml").read_bytes() == card
    tune(toy_with(tmp_path, **toy_of), tuning_corpus, **common | setting | {"out": tmp_path / "other"})
    assert [len(trials) for trials in trials_of(tmp_path / "out")] == [1]


@pytest.mark.parametrize("trap", ["raises", "nan", "exits"])
def test_trials_that_fail_are_survived(tuning_corpus, tmp_path, trap):
    system = toy_with(tmp_path, trap=trap)
    tuned = tune(system, tuning_corpus, {"erle": 1}, trials=12, scenes=3, out=tmp_path / "out")
    assert tuned.trials["failed"] > 2
    assert tuned.after.parameters["gain"] >= 0.7
    assert {"raises": "out of luck", "nan": "not finite", "exits": "out of patience"}[trap] in tuned.failure
    assert load_system(str(tmp_path / "out")).parameters["trap"] == trap


def test_a_system_that_fails_as_it_is_is_refused(tuning_corpus, tmp_path):
    with pytest.raises(AecbenchError, match=r"before anything is changed.*never in luck"):
        tune(toy_with(tmp_path, trap="always"), tuning_corpus, {"erle": 1}, trials=2, out=tmp_path)
    tune(toy_with(tmp_path), tuning_corpus, {"erle": 1}, trials=1, scenes=2, out=tmp_path)  # nothing is in the way


def test_a_process_that_dies_is_one_line(tuning_corpus, tmp_path):
    with pytest.raises(AecbenchError, match=r"^a worker process died, .*; finished work is kept$"):
        tune(toy_with(tmp_path, trap="dies"), tuning_corpus, {"erle": 1}, trials=1, jobs=2, out=tmp_path)


def test_what_a_card_has_outside_of_the_space_may_win(tuning_corpus, tmp_path):
    system = toy_with(tmp_path, gain=0.3, forgetting=0.999, block=128)
    tuned = tune(system, tuning_corpus, {"erle": 1}, trials=8, scenes=3, out=tmp_path / "out")
    assert tuned.after == tuned.before
    assert load_system(str(tmp_path / "out"), "none").canceller == system.canceller


def test_near_end_metrics_count_where_both_talk(tuning_corpus, tmp_path):
    system = load_system("toy_aec:Toy", "none")
    tuned = tune(system, tuning_corpus, {"si_sdr": 1, "erle": 1}, trials=1, out=tmp_path)
    table = evaluate(system, tuning_corpus, {name: METRICS[name] for name in ("si_sdr", "erle")}, split="val")
    (means,) = table.summary().values()
    assert tuned.before.means == {name: pytest.approx(means[name].mean) for name in ("si_sdr", "erle")}


def test_nothing_is_tuned_on_test(tuning_corpus, tmp_path):
    system = load_system("toy_aec:Toy", "none")
    with pytest.raises(UsageError, match="split is 'test'"):
        tune(system, tuning_corpus, {"erle": 1}, split="test", out=tmp_path)
    with pytest.raises(UsageError, match="test split only"):
        tune(system, tuning_corpus.where(split="test"), {"erle": 1}, out=tmp_path)


def test_what_cannot_be_tuned_is_said_in_one_line(aecbench, tuning_corpus):
    for arguments, words in {
        ("toy_aec:Plain",): "no tunable parameters",
        ("oracle",): "no tunable parameters",
        ("toy_aec:Toy", "--param", "gian"): "did you mean 'gain'",
        ("toy_aec:Toy", "--metric", "erl"): "did you mean 'erle'",
        ("toy_aec:Toy", "--metric", "erle=much"): "NAME=WEIGHT",
        ("toy_aec:Toy", "--metric", "erle=-1"): "positive",
        ("toy_aec:Toy", "--metric", "erle=1", "--metric", "erle=2"): "names a metric twice",
        ("toy_aec:Toy", "--split", "test"): "nothing is tuned",
    }.items():
        result = aecbench("tune", *arguments, "--corpus", tuning_corpus.path)
        assert result.exit_code == 2
        assert words in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1


def test_without_optuna_the_extra_is_named(tuning_corpus, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtra, match=r"aecbench\[tune\]"):
        tune(load_system("toy_aec:Toy", "none"), tuning_corpus, {"erle": 1}, out=tmp_path)


def test_the_command_prints_tables_and_the_card_and_processes_change_nothing(aecbench, tuning_corpus, tmp_path):
    options = ["--trials", 5, "--jobs", 2, "--metric", "erle=1", "--align", "none"]
    result = aecbench("tune", "toy_aec:Toy", "--corpus", tuning_corpus.path, *options)
    assert result.exit_code == 0
    folder = tmp_path / "runs" / "tune" / "toy_aec.Toy"
    for word in ("gain", "forgetting", "block", "ERLE", "objective", "trials: ", "runs/tune/toy_aec.Toy/card.toml"):
        assert word in result.stdout
    alone = tune(load_system("toy_aec:Toy", "none"), tuning_corpus, {"erle": 1.0}, trials=5, out=tmp_path / "alone")
    assert trials_of(folder) == trials_of(tmp_path / "alone")
    assert load_system(str(folder)).parameters == alone.after.parameters


@pytest.mark.parametrize(("low", "high", "scale"), [(1, 1, "linear"), (0.0, 1.0, "log"), (0.9, 1.0, "complement")])
def test_bounds_between_which_nothing_can_be_searched_are_refused(low, high, scale):
    with pytest.raises(UsageError, match="expected low < high"):
        tunable(0.95, low=low, high=high, scale=scale)


@pytest.mark.parametrize("damage", [b"garbage\n", b"\xff\xfe\n\xff\n", b"null\n", b"[]\n", b"{}\n", None])
def test_a_damaged_journal_is_one_line(tuning_corpus, tmp_path, damage):
    journal = tmp_path / "trials.journal"
    journal.mkdir() if damage is None else journal.write_bytes(damage)
    with pytest.raises(
        AecbenchError, match=r"trials.journal: cannot be read \(.*\); remove it to start from scratch"
    ) as error:
        tune(load_system("toy_aec:Toy", "none"), tuning_corpus, {"erle": 1}, trials=1, out=tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("place", ["", "best", "last"])
def test_another_model_is_not_replaced(tuning_corpus, tmp_path, place):
    card = tmp_path / place / "card.toml"
    card.parent.mkdir(exist_ok=True)
    card.write_text('canceller = "nlms"\nsummary = "mine"\n')
    with pytest.raises(UsageError, match=f"^{tmp_path}: contains another model, which would be lost; choose another f"):
        tune(load_system("toy_aec:Toy", "none"), tuning_corpus, {"erle": 1}, trials=1, out=tmp_path)
    assert "mine" in card.read_text()
