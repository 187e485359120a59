"""Entries of other packages: an installed wheel goes all the way, a broken one troubles only those who use it."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

import aecbench as ab
from aecbench import cancellers, metrics, plugins
from aecbench.errors import AecbenchError, ConfigError, UnknownName
from aecbench.plugins import Table
from aecbench.recipe import read_recipe
from aecbench.scenes import devices, noise, speech
from aecbench.scenes.sources import open_sources
from aecbench.simulation import corpus_id, simulate

ROOT = Path(ab.__file__).parents[1]
PROJECT = ROOT / "docs" / "examples" / "my_package"
COMMANDS = """
import json, shlex, sys
from click.testing import CliRunner
from aecbench.cli import main
for command in sys.argv[1:]:
    done = CliRunner().invoke(main, shlex.split(command))
    assert done.exit_code == 0, f"aecbench {command}: {done.output}"
    print(json.dumps(done.stdout))
"""
RECIPE = """
name = "outside-v1"
duration = 2.0
[splits]
test = 4
[talk]
near_onset = 1.0
[speech]
source = "buzzers"
[noise]
kind = "hum"
[room]
rt60 = 0.2
response = 0.2
[loudspeaker]
model = {choice = ["cubic", "smear"]}
parameters.cubic.drive = {uniform = [1, 3]}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder in which the wheel of the example is installed."""
    top = tmp_path_factory.mktemp("site")
    build = ["build", "--wheel", "--no-isolation", "--outdir", top / "dist", PROJECT]
    subprocess.run([sys.executable, "-m", *map(str, build)], check=True, capture_output=True)
    (wheel,) = (top / "dist").glob("*.whl")
    install = ["pip", "install", "-q", "--no-deps", "--no-index", "--target", top / "packages", wheel]
    subprocess.run([sys.executable, "-m", *map(str, install)], check=True, capture_output=True)
    return top / "packages"


@pytest.fixture
def installed(site, monkeypatch):
    """The wheel, in this process."""
    monkeypatch.syspath_prepend(site)
    plugins._all_offers.cache_clear()
    yield
    plugins._all_offers.cache_clear()


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Installs a package of one module, which offers entries: group -> name -> attribute."""

    def install(name, code, **entries):
        (tmp_path / f"{name}.py").write_text(code)
        info = tmp_path / f"{name}-2.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 2.0\n")
        lines = [f"[aecbench.{group}]\n{entry}\n" for group, entry in entries.items()]
        (info / "entry_points.txt").write_text("".join(lines))
        plugins._all_offers.cache_clear()

    monkeypatch.syspath_prepend(tmp_path)
    yield install
    plugins._all_offers.cache_clear()


def test_a_wheel_with_one_entry_of_every_kind_goes_from_simulation_to_a_verified_board(site, tmp_path):
    (tmp_path / "outside.toml").write_text(RECIPE)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(site), str(ROOT)])}
    commands = (
        "list --json",
        "simulate outside.toml --out corpora/outside-v1 --jobs 2",
        "eval --model passthrough --model halver --corpus corpora/outside-v1 --metric peak --metric erle --jobs 2 "
        "--align none --out runs/both",
        "leaderboard new outside-v1 runs/both --rank-by peak",
        "publish runs/both --board outside-v1",
        "leaderboard verify outside-v1 --rerun 2 --corpus corpora/outside-v1 --model halver --jobs 1",
    )
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, *commands], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    listed, _, table, _, _, verified = (json.loads(line) for line in done.stdout.splitlines())

    origins = {row["name"]: row["origin"] for rows in json.loads(listed).values() for row in rows}
    for name in ("halver", "peak", "loudspeaker cubic", "loudspeaker smear", "noise hum", "speech buzzers"):
        assert origins[name] == "my-package 1.2"
    assert origins["kalman"] == "shipped"
    info = json.loads((tmp_path / "corpora/outside-v1/corpus.json").read_text())
    assert {name: facts[0] for name, facts in info["plugins"].items()} == dict.fromkeys(
        ["device stage cubic", "device stage smear", "noise hum", "speech source buzzers"], "my-package 1.2"
    )
    assert "Peak" in table
    assert "dBFS" in table
    assert "halver: as published" in verified
    readme = (tmp_path / "leaderboards/outside-v1/README.md").read_text()
    assert "They are listed by their mean position in Peak [dBFS]" in readme
    assert "| - | [halver]" in readme

    contract = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--pyargs", "aecbench.contract"]
    done = subprocess.run(contract, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


@pytest.mark.usefixtures("installed")
def test_entries_are_found_by_name_and_by_reference_in_python():
    assert metrics.find("peak") is metrics.find("my_package.metric:PEAK")
    assert ab.load_system("halver").target == "my_package.canceller:Halver"
    assert devices.find("smear").parameters.keys() == {"share"}
    assert devices.find("cubic").parameters.keys() == {"drive", "knee"}
    assert noise.TABLE.find("hum") is noise.TABLE.find("my_package.noise:hum")
    assert speech.open_speech("buzzers").speakers("val") == ["130", "140", "150"]


@pytest.mark.usefixtures("installed")
def test_a_recipe_may_name_entries_by_reference(recipe_file, tmp_path):
    changes = {
        "speech.source": "my_package.speech:open_buzzers",
        "noise.kind": "my_package.noise:hum",
        "loudspeaker.model": "my_package.loudspeaker:CUBIC",
        "loudspeaker.parameters": {"my_package.loudspeaker:CUBIC": {"knee": 0.5}},
    }
    corpus = simulate(recipe_file, tmp_path / "c", split="val", scenes=1, set=changes)
    assert corpus[0].scene.loudspeaker.parameters == {"knee": 0.5}
    assert corpus[0].scene.noise.kind == "my_package.noise:hum"


@pytest.mark.usefixtures("installed")
def test_all_metrics_are_those_that_are_shipped():
    assert metrics.choose("all").keys() == metrics.METRICS.keys()
    assert metrics.choose(["all", "peak"]).keys() == {*metrics.METRICS, "peak"}


NOISE = "import numpy as np\ndef hiss(rng, length, rate):\n    return {} * rng.standard_normal(length, np.float32)\n"


def test_the_code_of_a_plugin_is_part_of_the_id_of_a_corpus(package, spec, monkeypatch):
    package("hisses", NOISE.format(1), noises="hiss = hisses:hiss")
    recipe = read_recipe(spec, (), {"noise.kind": "hiss"})
    before = corpus_id(recipe, open_sources(recipe))
    assert corpus_id(recipe, open_sources(recipe)) == before
    Path(sys.modules["hisses"].__file__).write_text(NOISE.format(2))
    assert corpus_id(recipe, open_sources(recipe)) != before
    monkeypatch.delitem(sys.modules, "hisses")


def test_a_corpus_can_be_read_and_scored_without_the_plugin_that_shaped_it(package, spec, tmp_path, monkeypatch):
    package("hisses", NOISE.format(1), noises="hiss = hisses:hiss")
    corpus = simulate(spec, tmp_path / "c", split="val", scenes=1, set={"noise.kind": "hiss"})
    monkeypatch.delitem(sys.modules, "hisses")
    (tmp_path / "hisses.py").unlink()
    shutil.rmtree(tmp_path / "hisses-2.0.dist-info")
    plugins._all_offers.cache_clear()
    again = ab.load_corpus(corpus.path)
    assert np.isfinite(ab.evaluate("passthrough", again, "erle_true", split="val").rows["value"]).any()
    with pytest.raises(ConfigError, match="unknown noise 'hiss'"):
        _ = again.spec


BROKEN = "raise RuntimeError('licence\\nhas expired')\n"


def test_a_broken_package_is_named_in_one_line_and_troubles_only_who_uses_it(package, aecbench, recipe_file, corpus):
    entries = {
        "metrics": "bad = unlicensed_aec:BAD",
        "cancellers": "worse = unlicensed_aec:Worse",
        "noises": "buzz = unlicensed_aec:x",
    }
    package("unlicensed_aec", BROKEN, **entries)
    why = "cannot import 'unlicensed_aec' (RuntimeError: licence has expired); mend or remove it"
    for words, said in (
        (
            ["eval", "--model", "nlms", "--metric", "bad", "--corpus", corpus.path],
            "metric 'bad' of unlicensed_aec 2.0: ",
        ),
        (["eval", "--model", "worse", "--corpus", corpus.path], "canceller 'worse' of unlicensed_aec 2.0: "),
        (["simulate", recipe_file, "--set", "noise.kind=buzz"], "noise 'buzz' of unlicensed_aec 2.0: "),
    ):
        result = aecbench(*words)
        assert result.exit_code == 2
        assert result.stderr.count("\n") == 1
        assert said + why in result.stderr
    listed = aecbench("list")
    assert listed.exit_code == 0
    assert "licence has expired" in listed.stdout
    assert "unlicensed_aec 2.0" in listed.stdout


def test_what_is_something_else_than_an_entry_is_said(package):
    package("odd", "PEAK = 3\n", metrics="odd = odd:PEAK\nnot_there = odd:LOW")
    with pytest.raises(ConfigError, match=r"^metric 'odd' of odd 2.0: odd:PEAK is a int, expected aecbench"):
        metrics.find("odd")
    with pytest.raises(ConfigError, match=r"^metric 'not_there' of odd 2.0: module 'odd' has no 'LOW'$"):
        metrics.find("not_there")
    with pytest.raises(ConfigError, match=r"^metric 'odd:HIGH': module 'odd' has no 'HIGH'$"):
        metrics.find("odd:HIGH")


FAULTY = """
from my_package.speech import Buzzers
from aecbench.scenes.devices import Device

def fault(rng, length, rate):
    return 1 / 0

def exits(rng, length, rate):
    raise SystemExit(1)

def short(rng, length, rate):
    return rng.standard_normal(length - 1)

class Mute(Buzzers):
    def load(self, *_):
        raise KeyError("tongue")

class Early(Buzzers):
    def start(self, *_):
        return -1.0

class Silent(Buzzers):
    def playlist(self, *_):
        return ()

CUT = Device(lambda x, rate: x[..., 1:], {}, source="")
open_mute, open_nothing = (lambda name: Mute()), (lambda name: None)
open_early, open_silent = (lambda name: Early()), (lambda name: Silent())
"""


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("key", "name", "message"),
    [
        ("noise.kind", "fault", r"noise 'fault' of faulty 2.0 failed \(ZeroDivisionError: division by zero\)"),
        ("noise.kind", "exits", r"noise 'exits' of faulty 2.0 failed \(SystemExit: 1\)"),
        (
            "noise.kind",
            "short",
            r"noise 'short' of faulty 2.0 failed \(ValueError: gives shape \(47999,\), expected",
        ),
        ("loudspeaker.model", "cut", r"device stage 'cut' of faulty 2.0 failed \(ValueError: gives shape \("),
        ("speech.source", "mute", r"speech source 'mute' of faulty 2.0 failed \(KeyError: 'tongue'\)"),
        ("speech.source", "nothing", r"speech source 'nothing' of faulty 2.0 failed \(TypeError: gives a NoneType"),
        ("speech.source", "early", r"speech source 'early' of faulty 2.0 failed \(ValueError: starts -1 s into"),
        ("speech.source", "silent", r"speech source 'silent' of faulty 2.0 failed \(ValueError: speaker '\d+' has an"),
    ],
)
def test_a_mistake_inside_a_plugin_is_one_line_that_names_its_package(package, spec, tmp_path, key, name, message):
    package(
        "faulty",
        FAULTY,
        noises="fault = faulty:fault\nexits = faulty:exits\nshort = faulty:short",
        loudspeakers="cut = faulty:CUT",
        speech="mute = faulty:open_mute\nnothing = faulty:open_nothing\n"
        "early = faulty:open_early\nsilent = faulty:open_silent",
    )
    with pytest.raises(AecbenchError, match=f"^{message}"):
        simulate(spec, tmp_path / "c", split="val", scenes=1, set={key: name})


def test_shipped_names_cannot_be_taken(package, aecbench):
    package("thief", "", metrics="erle = thief:ERLE\nall = thief:ALL", cancellers="kalman = thief:Kalman")
    assert metrics.find("erle") is metrics.METRICS["erle"]
    assert ab.load_system("kalman").target.startswith("aecbench.")
    listed = aecbench("list", "metrics").stdout
    assert "not used: another metric has this name; use thief:ERLE" in listed
    assert "not used: another canceller has this name" in aecbench("list", "models").stdout


def test_a_name_that_two_packages_offer_is_refused_with_both(package):
    package("one", "", metrics="twice = one:M")
    package("two", "", metrics="twice = two:M")
    message = r"^metric 'twice' is offered by one 2.0 and two 2.0; say which one: one:M or two:M$"
    with pytest.raises(ConfigError, match=message):
        metrics.find("twice")


def test_an_unknown_name_gets_advice_from_what_is_offered(package):
    package("mine", "", metrics="loudness = mine:M")
    with pytest.raises(UnknownName, match="unknown metric 'loudnes': did you mean 'loudness'"):
        metrics.find("loudnes")


def test_a_folder_comes_before_the_entry_of_a_package(package, speech_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    package("robots", "", speech="people = robots:open_people")
    (tmp_path / "people").symlink_to(speech_folder)
    assert len(speech.open_speech("people").speakers("test")) >= 2


def test_nothing_is_looked_up_while_shipped_names_are_used(monkeypatch, spec):
    def refuse(group):
        raise AssertionError(group)

    monkeypatch.setattr(plugins, "offers", refuse)
    ab.load_system("kalman")
    metrics.choose(["erle", "all"])
    corpus_id(read_recipe(spec, (), {"speech.source": str(spec.speech.source)}), open_sources(spec))


@pytest.mark.usefixtures("example_module")
def test_a_process_that_was_started_earlier_finds_a_module_of_a_folder_that_was_added_later(corpus):
    table = ab.evaluate("passthrough", corpus[:2], ["late_metric:PEAK"], split="val", jobs=2)
    assert np.isfinite(table.rows.query("metric == 'late_metric:PEAK'")["value"]).any()


@pytest.fixture
def example_module(corpus, tmp_path, monkeypatch):
    """A module in a folder that processes which run already do not know."""
    ab.evaluate("passthrough", corpus[:2], "erle", split="val", jobs=2)
    (tmp_path / "late_metric.py").write_text((PROJECT.parent / "my_metric.py").read_text())
    monkeypatch.syspath_prepend(tmp_path)


def test_every_table_has_a_group_of_its_own():
    tables = [cancellers.TABLE, metrics.TABLE, devices.TABLE, noise.TABLE, speech.TABLE]
    assert all(isinstance(table, Table) for table in tables)
    assert len({table.group for table in tables}) == len(tables)


OWN = """
import pytest
from aecbench.contract.{} import *

@pytest.fixture(params=["{}"])
def name(request):
    return request.param
"""


WRONG = {  # bodies of cancel that break the contract -> what the failure says
    "return (100 * mic).astype('int16')": "Wrong: cancel returned int16 with shape",
    "return 9 * mic": "4 times the largest input",
    "return mic - mic.mean()": "earlier output than latency = 0 samples allow",
    "mic *= 0.5; return mic": "cancel changes mic, or returns a view of it",
}


class Contract:
    """Run pytest in a folder, with the examples of the guide on the path, and sort its report by test files."""

    def __init__(self, folder, *words):
        environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(PROJECT.parent), str(ROOT)])}
        options = ["-q", "-rf", "-p", "no:cacheprovider", "--junitxml=report.xml"]
        command = [sys.executable, "-m", "pytest", *options, *words]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        self.code, self.output = done.returncode, done.stdout
        self.results = defaultdict(list)  # test file -> (name of a test, what came of it, what was said)
        for case in ElementTree.parse(folder / "report.xml").iter("testcase"):
            outcomes = [(child.tag, child.text) for child in case if child.tag in ("failure", "error", "skipped")]
            for outcome, text in outcomes or [("passed", "")]:
                self.results[case.get("classname")].append((case.get("name"), outcome, text))

    def outcomes(self, file):
        return Counter(outcome for _, outcome, _ in self.results[file])

    def text(self, file):
        return "\n".join(text for *_, text in self.results[file])


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The contract of right and wrong cancellers, metrics and devices, each in a file of its own, in one process."""
    folder = tmp_path_factory.mktemp("contract")
    readme = (ROOT / "README.md").read_text()
    (folder / "mine.py").write_text(re.search(r"^class Half:\n.*?(?=^```)", readme, re.MULTILINE | re.DOTALL)[0])
    for n, code in enumerate(WRONG):
        program = f"class Wrong:\n    latency = 0\n    def cancel(self, mic, far):\n        {code}\n"
        (folder / f"wrong{n}.py").write_text(program)
    for file, contract, name in (
        ("canceller", "test_cancellers", "my_canceller:MyCanceller"),
        ("streaming", "test_cancellers", "my_streaming:MyStreaming"),
        ("metric", "test_metrics", "my_metric:PEAK"),
        ("loudspeaker", "test_loudspeakers", "my_loudspeaker:DEVICE"),
        ("device", "test_devices", "my_loudspeaker:DEVICE"),
        ("readme", "test_cancellers", "mine:Half"),
        ("students", "test_cancellers", "my_nlms:MyNLMS"),
        ("misspelt", "test_cancellers", "kalmann"),
        *((f"wrong{n}", "test_cancellers", f"wrong{n}:Wrong") for n in range(len(WRONG))),
    ):
        (folder / f"test_{file}.py").write_text(OWN.format(contract, name))
    return Contract(folder, ".")


@pytest.mark.parametrize("example", ["canceller", "streaming", "metric", "loudspeaker", "device"])
def test_the_examples_of_the_guide_keep_the_contract_when_they_are_named_by_reference(report, example):
    assert report.outcomes(f"test_{example}").keys() <= {"passed", "skipped"}, report.output
    assert report.outcomes(f"test_{example}")["passed"], report.output


@pytest.mark.parametrize("page", ["readme", "students"])
def test_the_cancellers_of_the_readme_and_of_the_page_for_students_keep_the_contract(report, page):
    assert report.outcomes(f"test_{page}").keys() <= {"passed", "skipped"}, report.output
    assert report.outcomes(f"test_{page}")["passed"], report.output


def test_a_misspelt_model_is_one_failure_that_names_the_nearest(report):
    assert report.code == 1
    assert report.output.count("unknown model 'kalmann': did you mean 'kalman'?") == 1
    assert report.outcomes("test_misspelt").keys() == {"skipped", "error"}, report.output
    assert report.outcomes("test_misspelt")["error"] == 1, report.output


def test_where_nothing_is_installed_the_contract_says_how_to_name_ones_own(tmp_path):
    contract = Contract(tmp_path, "--pyargs", "aecbench.contract.test_noises")
    assert contract.code == 0
    assert '@pytest.fixture(params=["my_canceller:MyCanceller"])' in contract.output


@pytest.mark.parametrize(("n", "message"), list(enumerate(WRONG.values())))
def test_a_failure_says_what_is_wrong(report, n, message):
    assert report.code == 1
    assert report.outcomes(f"test_wrong{n}")["failure"]
    assert message in report.text(f"test_wrong{n}"), report.output


def test_a_canceller_that_breaks_the_contract_is_found(report):
    failed = [name for name, outcome, _ in report.results["test_wrong2"] if outcome == "failure"]
    assert "test_output_sees_no_further_than_its_latency[wrong2:Wrong-12000]" in failed
    assert "FAILED test_wrong2.py::test_output_sees_no_further_than_its_latency[wrong2:Wrong-12000]" in report.output
