"""The Python API: what `import aecbench` offers, and what it costs."""

import ast
import dataclasses
import pydoc
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import aecbench as ab
from aecbench.errors import AudioError, ConfigError, UnknownName, UsageError
from aecbench.metrics import DEFAULT_METRICS
from aecbench.recipe import read_recipe

PACKAGE = Path(ab.__file__).parent


@pytest.fixture
def pair():
    """Microphone and far end [T], half a second of noise and its echo."""
    far = np.random.default_rng(0).normal(size=8000).astype(np.float32) / 10
    return 0.5 * np.roll(far, 100), far


def test_every_name_is_there_typed_and_documented():
    tree = ast.parse((PACKAGE / "__init__.pyi").read_text())
    (declared,) = [ast.literal_eval(node.value) for node in tree.body if isinstance(node, ast.Assign)]
    assert set(declared) == set(ab.__all__)
    assert all(getattr(ab, name).__doc__ for name in declared)
    assert set(declared) <= set(dir(ab))


def test_every_documented_name_of_the_package_is_public_and_every_public_name_is_documented():
    text = (PACKAGE.parent / "docs" / "api.md").read_text()
    documented = set(re.findall(r"(?:auto(?:class|function)|py:data):: aecbench\.(\w+)$", text, re.MULTILINE))
    assert documented == set(ab.__all__) - {"__version__"}


def test_a_type_checker_knows_every_name_and_its_type(tmp_path):
    pytest.importorskip("mypy")
    names = sorted(set(ab.__all__) - {"__version__"})
    (tmp_path / "user.py").write_text(
        "import aecbench as ab\n"
        "corpus: ab.Corpus = ab.load_corpus('c')\n"
        "output = ab.load_system('nlms').cancel([0.0], [0.0])\n"
        f"everything = ({', '.join(f'ab.{name}' for name in names)})\n"
        "ab.evaluate('nlms', corpus, jobs='two')\n"
        "ab.simulator\n"
    )
    command = [sys.executable, "-m", "mypy", str(tmp_path / "user.py")]  # with the settings and the cache of ./check
    done = subprocess.run(command, cwd=PACKAGE.parent, capture_output=True, text=True)
    errors = [line.partition("error: ")[2] for line in done.stdout.splitlines() if "user.py:" in line]
    assert len(errors) == 2, done.stdout
    assert 'Argument "jobs" to "evaluate" has incompatible type "str"' in errors[0]
    assert 'Module has no attribute "simulator"' in errors[1]


def test_no_module_has_the_name_of_a_function():
    modules = {path.stem for path in PACKAGE.iterdir()}
    assert not modules & set(ab.__all__)


def test_the_names_hold_after_every_submodule_was_imported():
    program = (
        "import aecbench, pkgutil, importlib\n"
        "for m in pkgutil.iter_modules(aecbench.__path__): importlib.import_module(f'aecbench.{m.name}')\n"
        "assert all(callable(getattr(aecbench, n)) for n in ('simulate', 'evaluate', 'load_corpus', 'load_system'))"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'simulator'"):
        ab.simulator  # noqa: B018


def test_simulate_takes_a_name_a_path_and_a_specification(recipe_file, tmp_path):
    few = {"scenes": 1, "split": "test", "set": {"levels.ser": 0}}
    ids = {
        ab.simulate(recipe, tmp_path / name, **few).id
        for name, recipe in {
            "text": str(recipe_file),
            "path": recipe_file,
            "spec": read_recipe(recipe_file),
            "changed": read_recipe(recipe_file, (), {"levels.ser": 0}),
        }.items()
    }
    assert len(ids) == 1
    assert read_recipe("quickstart-v1") == read_recipe(read_recipe("quickstart-v1"))


def test_a_ready_specification_is_taken_as_it_is(recipe_file):
    spec = read_recipe(recipe_file)
    assert read_recipe(spec) is spec
    assert read_recipe(spec, (), {"seed": None}) is spec
    assert read_recipe(spec, scenes=1).speech is spec.speech
    assert read_recipe(spec, (), {"seed": 5}).seed == 5


def test_simulate_changes_what_it_is_told_and_defaults_to_the_folder_of_that_name(recipe_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    corpus = ab.simulate(recipe_file, split="val", scenes=2, set={"levels.ser": -7})
    assert corpus.path == Path("corpora") / corpus.spec.name
    assert {scene.ser for scene, _, _ in corpus} - {None} == {-7}
    assert ab.load_corpus(str(corpus.path)).digest == corpus.digest


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"set": {"levels.sir": 0}}, ConfigError, "did you mean 'ser'"),
        ({"set": {"levels.ser": "loud"}}, ConfigError, "levels.ser"),
        ({"split": "tset"}, UnknownName, "did you mean 'test'"),
    ],
)
def test_simulate_says_what_is_wrong(recipe_file, tmp_path, options, error, says):
    with pytest.raises(error, match=says):
        ab.simulate(recipe_file, tmp_path / "c", **options)
    assert not (tmp_path / "c").exists()


def test_a_corpus_gives_scenes_whose_signals_add_up(corpus):
    scene, signals, rir = ab.load_corpus(corpus.path)[0]
    assert signals.mic.shape == (scene.rate * scene.duration,)
    np.testing.assert_allclose(signals.mic, signals.near + signals.echo + signals.noise, atol=1e-6)
    assert rir.ndim == 2


def test_cancel_takes_echo_out_and_gives_float32_of_the_same_shape(pair):
    mic, far = pair
    output = ab.load_system("nlms").cancel(mic, far)
    assert (output.dtype, output.shape) == (np.float32, mic.shape)
    assert np.sum(output[4000:] ** 2) < 0.1 * np.sum(mic[4000:] ** 2)


def test_cancel_treats_every_signal_of_a_batch_alike_in_either_precision(pair):
    mic, far = pair
    system = ab.load_system("nlms")
    batch = system.cancel(np.stack([mic, mic]).astype(float), np.stack([far, far]).astype(float))
    np.testing.assert_allclose(batch, np.stack([system.cancel(mic, far)] * 2), atol=1e-5)


@pytest.mark.parametrize(
    ("mic", "far", "says"),
    [
        (np.zeros(9, np.int16), np.zeros(9), "mic is int16; .*32768"),
        (np.zeros(9), np.zeros(8), r"mic has shape \(9,\), far \(8,\)"),
        (np.zeros(9), np.full(9, np.nan), "far has 9 samples that are not finite"),
        (np.full(9, 1e300), np.zeros(9), r"mic has samples up to 1e\+300, too large for float32"),
        (np.zeros(0), np.zeros(0), r"mic has shape \(0,\)"),
        (np.zeros(()), np.zeros(()), r"mic has shape \(\)"),
        (np.zeros((6400, 1)), np.zeros((6400, 1)), r"mic has shape \(6400, 1\), but .* transpose it to \(1, 6400\)$"),
        (np.zeros((6400, 2)), np.zeros((6400, 2)), r"transpose it to \(2, 6400\)$"),
        (np.zeros((3, 6400, 2)), np.zeros((3, 6400, 2)), r"transpose it to \(3, 2, 6400\)$"),
        (np.zeros((6400, 8, 4)), np.zeros((6400, 8, 4)), r"transpose it to \(8, 4, 6400\)$"),
        (np.zeros((1, 9)), np.zeros((99, 9)), r"far has shape \(99, 9\), but time"),
        ([[0.0], [0.0, 0.0]], [0.0], "mic cannot be read as an array"),
        (torch.zeros(9, requires_grad=True), np.zeros(9), r"mic cannot be read .*x\.detach\(\)\.float\(\)\.cpu\(\)"),
        (np.zeros(9), torch.zeros(9, dtype=torch.bfloat16), "far cannot be read as an array .*BFloat16"),
        (torch.zeros(9, device="meta"), np.zeros(9), "mic cannot be read as an array"),
        (torch.zeros(9).to_sparse(), np.zeros(9), "mic cannot be read as an array"),
    ],
)
def test_cancel_refuses_what_is_no_pair_of_signals(mic, far, says):
    with pytest.raises(AudioError, match=says):
        ab.load_system("passthrough").cancel(mic, far)


@pytest.mark.parametrize("shape", [(1, 300), (200, 160), (2, 1, 300), (1, 1)])
def test_cancel_takes_batches_whose_last_axis_can_be_time(shape):
    assert ab.load_system("passthrough").cancel(np.zeros(shape), np.zeros(shape)).shape == shape


class Half:
    latency = 0

    def cancel(self, mic, far):
        return mic[::2]


def test_cancel_refuses_an_output_that_does_not_fit(pair):
    with pytest.raises(
        AudioError, match=r"Half: cancel returned float32 with shape \(4000,\), expected .* shape \(8000,\)"
    ):
        ab.System("half", Half(), "tests:Half", {}).cancel(*pair)


@pytest.mark.parametrize("change", [torch.nn.Parameter, torch.Tensor.bfloat16], ids=["gradient", "bfloat16"])
def test_an_output_that_is_a_tensor_nobody_can_convert_is_one_line(pair, change):
    canceller = SimpleNamespace(latency=0, cancel=lambda mic, _: change(torch.from_numpy(mic)))
    with pytest.raises(
        AudioError, match=r"^SimpleNamespace: cancel returned .* cannot be read as an array \(.*; convert a tensor"
    ):
        ab.System("mine", canceller, "tests:Mine", {}).cancel(*pair)


def test_evaluate_takes_names_and_systems_and_gives_one_table(corpus):
    table = ab.evaluate(["passthrough", ab.load_system("nlms")], corpus.path, ["erle", "si_sdr"])
    assert table.systems == ["passthrough", "nlms"]
    assert table.metrics == ["erle", "si_sdr", "rtf"]
    assert "| nlms |" in str(table)
    assert "<td>nlms</td>" in table._repr_html_()
    frame = table.to_pandas(by="talk", reference="passthrough")
    assert {"talk", "system", "metric", "mean", "low", "high", "n", "difference_mean"} <= set(frame)


def test_evaluate_takes_one_system_and_metrics_of_ones_own(corpus):
    peak = ab.Metric(
        fn=lambda signals, estimate, rate: np.max(np.abs(estimate), -1),
        title="Peak",
        unit="",
        better="lower",
        talk=frozenset({ab.Talk.FAR}),
        version=1,
    )
    table = ab.evaluate("passthrough", corpus, {"peak": peak})
    assert table.metrics == ["peak", "rtf"]
    assert table.rows.query("metric == 'peak'")["value"].notna().any()


def test_evaluate_scores_the_usual_metrics_unless_told(corpus):
    assert ab.evaluate("passthrough", corpus[:1], split=corpus[0].scene.split).metrics == [*DEFAULT_METRICS, "rtf"]


@pytest.mark.parametrize(
    ("systems", "options", "error", "says"),
    [
        ([], {}, UsageError, "no system"),
        ("kalmann", {}, UnknownName, "did you mean 'kalman'"),
        (["nlms", "nlms"], {}, UsageError, "two systems are called 'nlms'"),
        ("nlms", {"metrics": "erlee"}, UnknownName, "did you mean 'erle'"),
        ("nlms", {"split": "tset"}, UnknownName, "did you mean 'test'"),
    ],
)
def test_evaluate_says_what_is_wrong(corpus, systems, options, error, says):
    with pytest.raises(error, match=says):
        ab.evaluate(systems, corpus, **options)


def test_objects_introduce_themselves_in_one_line(corpus):
    system = ab.load_system("kalman")
    texts = [repr(thing) for thing in (corpus, corpus[0], system, ab.load_system("deep_adaptive"))]
    assert all("\n" not in text and len(text) < 400 for text in texts)
    for part in (str(corpus.path), "'val': 2, 'test': 6", corpus.digest[:12]):
        assert part in texts[0]
    assert corpus[0].scene.id in texts[1]
    assert texts[2].startswith("System('kalman', 'aecbench.cancellers.kalman:Kalman', align='auto', ")


def test_objects_are_tables_in_notebooks_with_names_escaped(corpus):
    system = dataclasses.replace(ab.load_system("nlms"), name="<b>nlms</b>")
    for thing, part in ((corpus, corpus[0].scene.id), (corpus[0], corpus[0].scene.talk), (system, "&lt;b&gt;nlms")):
        text = thing._repr_html_()
        assert text.startswith("<table>")
        assert part in text
        assert "<b>" not in text


@pytest.mark.parametrize("name", sorted(set(ab.__all__) - {"__version__", "METRICS"}))
def test_help_describes_every_public_method(name):
    thing = getattr(ab, name)
    assert pydoc.render_doc(thing)
    methods = vars(thing).items() if isinstance(thing, type) else ()
    own = [
        (key, value)
        for key, value in methods
        if not key.startswith("_") and (callable(value) or type(value) is property)
    ]
    assert [key for key, value in own if not value.__doc__] == []


def test_a_loader_gives_batches_of_a_corpus(corpus):
    loader = torch.utils.data.DataLoader(corpus, batch_size=4, collate_fn=ab.collate, num_workers=1)
    scenes, signals, lengths = next(iter(loader))
    assert [scene.id for scene in scenes] == [corpus[n].scene.id for n in range(4)]
    assert signals.mic.dtype == torch.float32
    np.testing.assert_array_equal(signals.mic[2], corpus[2].signals.mic)
    assert lengths.tolist() == [corpus[n].signals.mic.size for n in range(4)]


def test_scenes_of_a_batch_are_padded_to_the_longest_and_have_one_rate(corpus):
    whole = corpus[0]
    short = whole._replace(signals=ab.Signals(*(x[:100] for x in whole.signals)))
    _, signals, lengths = ab.collate([short, whole])
    assert signals.far.shape == (2, whole.signals.far.size)
    assert not signals.far[0, 100:].any()
    assert lengths.tolist() == [100, whole.signals.far.size]
    other = whole._replace(scene=whole.scene.model_copy(update={"rate": 8000}))
    with pytest.raises(UsageError, match="8000 and 16000 Hz"):
        ab.collate([whole, other])
