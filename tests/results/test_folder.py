"""Results of several evaluations: a folder to which they add and take nothing away, and a table of several folders."""

import json
import shutil
from functools import partial

import pytest
from click.testing import CliRunner

import aecbench.evaluation
from aecbench.cli import main
from aecbench.recipe import read_recipe
from aecbench.results import ResultTable


@pytest.fixture
def evaluated(aecbench, corpus):
    """Evaluates on a small corpus into the default folder, and gives what is printed."""

    def run(*words, corpus=corpus.path, metrics=("erle",)):
        chosen = [word for metric in metrics for word in ("--metric", metric)]
        return aecbench("eval", "--corpus", corpus, *chosen, "--jobs", 1, *words)

    return run


@pytest.fixture(scope="module")
def of_nlms(tmp_path_factory, corpus):
    """A folder with results of nlms in runs/toy-v1 and runs/a, and in b, c, d and v such as do not fit those."""
    folder = tmp_path_factory.mktemp("results")
    words = ["eval", "--corpus", str(corpus.path), "--metric", "erle", "--jobs", "1", "--model", "nlms"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for options in ([], ["--out", "runs/a"]):
            assert CliRunner().invoke(main, [*words, *options], catch_exceptions=False).exit_code == 0
    rows, facts, _ = vars(ResultTable.load(folder / "runs/a/rows.parquet")).values()
    for name, changed, change in (
        ("b", rows.assign(scene=rows["scene"].str.replace("000000", "000009")), {}),
        ("c", rows, {"models": facts["models"] | {"nlms": "fdaf"}}),
        ("d", rows.replace({"metric": {"erle": "level"}}), {"metrics": {"level": 1}}),
        ("v", rows, {"metrics": {"erle": 0}}),
    ):
        ResultTable(changed, facts | change).save(folder / "runs" / name)
    return folder


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
    evaluated, of_nlms, tmp_path, monkeypatch, words, options, says
):
    shutil.copytree(of_nlms, tmp_path, dirs_exist_ok=True)
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


@pytest.fixture
def run_again(monkeypatch):
    """The names of the systems that are run from now on."""
    names, run = [], aecbench.evaluation.evaluate

    def evaluate(systems, *arguments, **options):
        names.extend(system.name for system in systems)
        return run(systems, *arguments, **options)

    monkeypatch.setattr("aecbench.evaluation.evaluate", evaluate)
    return names


def test_earlier_results_join_a_table_without_being_run(evaluated, tmp_path, run_again):
    evaluated("--model", "nlms", "--model", "passthrough", "--out", "runs/earlier")
    stored = ResultTable.load(tmp_path / "runs/earlier/rows.parquet")
    run_again.clear()
    options = ["--results", "runs/earlier", "--reference", "nlms", "--out", "runs/paper", "--json"]
    printed = json.loads(evaluated("--model", "fdaf", *options).stdout)
    assert run_again == ["fdaf", "oracle"]
    joined = ResultTable.load(tmp_path / "runs/paper/rows.parquet")
    assert joined.systems == list(printed["systems"]) == ["nlms", "passthrough", "fdaf", "oracle"]
    pairs = joined.rows[joined.rows["metric"] == "erle"].pivot(index="scene", columns="system", values="value")
    difference = printed["systems"]["fdaf"]["erle"]["difference"]
    assert difference["mean"] == pytest.approx((pairs["fdaf"] - pairs["nlms"]).mean())
    for system in ("nlms", "passthrough"):
        kept, before = (table.rows[table.rows["system"] == system].reset_index(drop=True) for table in (joined, stored))
        assert kept.equals(before)
        assert joined.origin(system) == stored.origin(system) | {
            "systems": joined.provenance["systems"],
            "board": None,
        }


def test_stored_results_are_a_table_without_their_corpus(evaluated, aecbench, tmp_path, run_again):
    evaluated("--model", "nlms", "--out", "runs/a")
    evaluated("--model", "fdaf", "--out", "runs/b", metrics=("erle", "level"))
    run_again.clear()
    printed = aecbench("eval", "--results", "runs/b/rows.parquet", "--results", "runs/a", "--by", "ser=0", "--json")
    assert printed.exit_code == 0, printed.output
    data = json.loads(printed.stdout)
    assert list(data["systems"]) == ["fdaf", "nlms", "oracle"]
    assert {record["ser"] for record in data["conditions"]} == {"≤ 0", "> 0"}
    assert data["systems"]["nlms"]["level"]["mean"] is None
    assert data["systems"]["oracle"]["level"]["n"]  # from the results that have more metrics of it
    assert not run_again
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {"a", "b", "cache"}
    pictures = aecbench("eval", "--results", "runs/a", "--plots", "pictures", "--plot-format", "pdf")
    assert pictures.exit_code == 0, pictures.output
    assert {path.suffix for path in (tmp_path / "pictures").iterdir()} == {".pdf"}


@pytest.mark.parametrize(
    ("words", "options", "says"),
    [
        (["--model", "fdaf", "--split", "val"], {}, "runs/a: contains results of split test, these are of split val"),
        (["--model", "nlms=kalman"], {}, "'nlms' with model nlms, not kalman; give this one a name, --model NAME=kal"),
        (
            ["--model", "nlms"],
            {"metrics": ["level"]},
            "runs/a: contains results of 'nlms' by erle too; score it by all",
        ),
        (
            ["--results", "runs/b"],
            None,
            "runs/a: contains results of other scenes than those in runs/b, such as toy-v1",
        ),
        (["--results", "runs/c"], None, "runs/a: contains results of 'nlms' with model nlms, runs/c with fdaf"),
        (["--results", "runs/d"], None, "runs/a: contains results of 'nlms' by erle too; name runs/a last"),
        (
            ["--results", "runs/v"],
            None,
            "runs/a: contains results by version 2 of erle, those in runs/v are by version 0",
        ),
        (["--results", "runs/none"], None, "runs/none: no such file; expected the results of aecbench eval"),
        (["--metric", "erle"], None, "--metric is for systems that are run; leave it out, or give --model"),
        (["--reference", "kalman"], None, "unknown system 'kalman'"),
        (["--by", "colour"], None, "unknown condition 'colour'"),
    ],
)
def test_results_that_do_not_fit_are_refused_before_anything_runs(
    evaluated, aecbench, of_nlms, tmp_path, run_again, words, options, says
):
    shutil.copytree(of_nlms, tmp_path, dirs_exist_ok=True)
    command = ["--results", "runs/a", *words]
    result = aecbench("eval", *command) if options is None else evaluated(*command, **options)
    assert result.exit_code in (1, 2)
    assert says in result.stderr
    assert result.stderr.count("\n") == 1
    assert not run_again


def test_times_of_different_machines_are_marked(evaluated, aecbench, monkeypatch):
    evaluated("--model", "nlms", "--out", "runs/a")
    monkeypatch.setattr("aecbench.provenance.machine", lambda: {"cpu": "another"})
    mixed = evaluated("--model", "fdaf", "--results", "runs/a", "--out", "runs/b")
    assert "RTF: measured on different machines" in mixed.stdout
    assert "different machines" not in aecbench("eval", "--results", "runs/a").stdout
