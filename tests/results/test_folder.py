"""A folder of results: evaluations add to it, and take nothing away."""

import json
from functools import partial

import pytest

from aecbench.recipe import read_recipe
from aecbench.results import ResultTable


@pytest.fixture
def evaluated(aecbench, corpus):
    """Evaluates on a small corpus into the default folder, and gives what is printed."""

    def run(*words, corpus=corpus.path, metrics=("erle",)):
        chosen = [word for metric in metrics for word in ("--metric", metric)]
        return aecbench("eval", "--corpus", corpus, *chosen, "--jobs", 1, *words)

    return run


def table(tmp_path):
    return ResultTable.load(tmp_path / "runs/toy-v1/rows.parquet")


def test_results_of_other_systems_are_kept(evaluated, tmp_path):
    assert evaluated("--model", "nlms", "--model", "passthrough").exit_code == 0
    before = table(tmp_path)
    assert evaluated("--model", "fdaf", "--model", "passthrough").exit_code == 0
    after = table(tmp_path)
    assert after.systems == ["nlms", "fdaf", "passthrough", "oracle"]
    assert "fdaf" in (tmp_path / "runs/toy-v1/table.md").read_text()
    kept = before.rows[before.rows["system"] == "nlms"].reset_index(drop=True)
    assert after.rows[after.rows["system"] == "nlms"].reset_index(drop=True).equals(kept)


def test_each_system_keeps_its_own_provenance(evaluated, tmp_path, monkeypatch):
    monkeypatch.setattr("aecbench.provenance.commit", lambda: "first")
    evaluated("--model", "nlms")
    monkeypatch.setattr("aecbench.provenance.commit", lambda: "second")
    evaluated("--model", "fdaf", metrics=("erle", "level"))
    evaluated("--model", "passthrough")
    found = table(tmp_path)
    assert {name: found.origin(name)["commit"] for name in found.systems} == {
        "nlms": "first",
        "fdaf": "second",
        "passthrough": "second",
        "oracle": "second",
    }
    scored = {name: list(found.origin(name)["metrics"]) for name in found.systems}
    both = ["erle", "level"]  # of the oracle too, which the last evaluation had by fewer metrics
    assert scored == {"nlms": ["erle"], "fdaf": both, "passthrough": ["erle"], "oracle": both}
    assert found.provenance["systems"].keys() == {"nlms", "fdaf", "passthrough", "oracle"}


def test_a_system_takes_the_place_of_itself(evaluated, tmp_path):
    evaluated("--model", "nlms")
    assert evaluated("--model", "nlms", metrics=("erle", "level")).exit_code == 0
    sizes = table(tmp_path).rows.groupby(["system", "metric"]).size().unstack().to_dict("index")
    assert sizes == {system: {"erle": 6, "level": 6, "rtf": 6} for system in ("nlms", "oracle")}


@pytest.mark.parametrize(
    ("words", "options", "says"),
    [
        (
            ["--model", "nlms=kalman"],
            {},
            "contains results of 'nlms' with model nlms, not kalman; give this one a name",
        ),
        (["--model", "nlms", "--align", "none"], {}, "of 'nlms' with alignment auto, not none"),
        (["--model", "nlms"], {"metrics": ["level"]}, "contains results of 'nlms' by erle too"),
        (["--model", "kalman", "--split", "val"], {}, "contains results of split test, these are of split val"),
    ],
)
def test_what_would_take_results_away_is_refused_before_anything_runs(
    evaluated, tmp_path, monkeypatch, words, options, says
):
    evaluated("--model", "nlms")
    before = (tmp_path / "runs/toy-v1/rows.parquet").read_bytes()
    monkeypatch.setattr("aecbench.evaluation.evaluate", lambda *_, **__: pytest.fail("it ran"))
    result = evaluated(*words, **options)
    assert result.exit_code == 2
    assert says in result.stderr
    assert "--out" in result.stderr
    assert (tmp_path / "runs/toy-v1/rows.parquet").read_bytes() == before


def test_another_corpus_needs_another_folder(evaluated, aecbench, recipe_file, tmp_path):
    evaluated("--model", "nlms")
    aecbench("simulate", recipe_file, "--split", "test", "--scenes", 2, "--out", "other/toy-v1", "--jobs", 1)
    result = evaluated("--model", "fdaf", corpus="other/toy-v1")
    assert result.exit_code == 2
    assert "contains results of" in result.stderr
    assert evaluated("--model", "fdaf", "--out", "runs/other", corpus="other/toy-v1").exit_code == 0


def test_the_default_folder_is_called_as_that_of_the_corpus(evaluated, aecbench, recipe_file, tmp_path):
    aecbench("simulate", recipe_file, "--split", "test", "--scenes", 1, "--out", "corpora/few", "--jobs", 1)
    evaluated("--model", "passthrough", corpus="corpora/few")
    assert (tmp_path / "runs/few/rows.parquet").exists()


def test_the_breakdown_is_written_to_files(evaluated, tmp_path):
    evaluated("--model", "nlms", "--by", "talk", "--by", "ser=0")
    text = (tmp_path / "runs/toy-v1/table-by-talk-ser.md").read_text()
    assert text.startswith("| talk | ser | system |")
    assert "≤ 0" in text
    assert (tmp_path / "runs/toy-v1/table-by-talk-ser.csv").read_text().startswith("talk,ser,system,metric,")


def test_a_damaged_file_of_results_is_said_so(evaluated, tmp_path):
    (tmp_path / "runs/toy-v1").mkdir(parents=True)
    (tmp_path / "runs/toy-v1/rows.parquet").write_bytes(b"PAR1")
    result = evaluated("--model", "nlms")
    assert result.exit_code == 1
    assert "contains no results" in result.stderr


def test_a_scene_alone_is_not_written(evaluated, tmp_path):
    result = evaluated("--model", "nlms", "--scene", "test/000000", "--json")
    assert json.loads(result.stdout)["corpus"]["scenes"] == 1
    assert not (tmp_path / "runs/toy-v1").exists()


def test_a_quickstart_keeps_what_was_evaluated_before_it_and_after_it(aecbench, monkeypatch, tmp_path):
    pytest.importorskip("espeakng_loader")
    monkeypatch.setattr("aecbench.assets.names", lambda kind: ["fdaf", "nlms", "passthrough"])
    monkeypatch.setattr("aecbench.recipe.read_recipe", partial(read_recipe, scenes=1))
    assert aecbench("quickstart", "--jobs", 1).exit_code == 0
    assert aecbench("eval", "--model", "kalman", "--model", "nlms", "--jobs", 1).exit_code == 0
    assert aecbench("quickstart", "--jobs", 1).exit_code == 0
    found = ResultTable.load(tmp_path / "runs/quickstart-v2/rows.parquet")
    assert set(found.systems) == {"kalman", "fdaf", "nlms", "passthrough", "oracle"}
