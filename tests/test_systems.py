"""Systems: alignment in front of them, filters inside of them."""

import json
import sys

import pytest

from aecbench.assets import names
from aecbench.cancellers.align import Aligned, AlignedStreaming
from aecbench.errors import ConfigError, NotInstalled, UsageError
from aecbench.evaluation import evaluate
from aecbench.metrics import METRICS
from aecbench.results import ResultTable
from aecbench.systems import load_system

MODULE = """
from dataclasses import dataclass
from aecbench.cancellers.base import Streaming

@dataclass(frozen=True)
class Halved:
    filter: Streaming
    gain: float = 0.5

    latency = 0

    def cancel(self, mic, far):
        return self.gain * self.filter.cancel(mic, far)

@dataclass(frozen=True)
class Hidden:
    latency = 0

    def cancel(self, mic, far):
        return mic
"""


@pytest.fixture
def card(tmp_path):
    """Writes a folder with a card, and the module that it may name, and tells where."""

    def write(name, canceller, filter_name=None, parameters=""):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        (folder / "parts_of_test_systems.py").write_text(MODULE)
        chosen = f'filter = "{filter_name}"\n' if filter_name else ""
        text = f'canceller = "{canceller}"\nsummary = "a test"\n{chosen}[parameters]\n{parameters}\n'
        (folder / "card.toml").write_text(text)
        return str(folder)

    return write


HALVED, HIDDEN = "parts_of_test_systems:Halved", "parts_of_test_systems:Hidden"


def test_alignment_is_automatic_and_part_of_what_identifies_a_system():
    systems = {align: load_system("kalman", align) for align in ("auto", "none", "120")}
    assert load_system("kalman").hash == systems["auto"].hash
    assert len({system.hash for system in systems.values()}) == 3
    assert [system.align for system in systems.values()] == ["auto", "none", "120"]
    assert isinstance(systems["auto"].canceller, AlignedStreaming)
    assert isinstance(systems["120"].canceller, Aligned)
    assert len({system.canceller.latency for system in systems.values()}) == 1


def test_one_delay_is_one_system_however_it_is_written():
    assert load_system("kalman", "120").hash == load_system("kalman", "120.0").hash


@pytest.mark.parametrize("name", ["oracle", "passthrough"])
def test_what_does_not_listen_to_the_far_end_has_no_alignment(name):
    assert load_system(name).align == "none"
    assert load_system(name).hash == load_system(name, "none").hash


@pytest.mark.parametrize("name", ["oracle", "nlms"])
def test_a_wrong_alignment_is_refused_for_every_system(name):
    with pytest.raises(UsageError, match="did you mean 'none'"):
        load_system(name, "nonee")


@pytest.mark.parametrize(("name", "best"), [("webrtc_aec3", "none"), ("webrtc_aec3_ns", "none"), ("kalman", "auto")])
def test_by_default_a_system_is_aligned_as_is_best_for_it(name, best):
    try:
        assert [load_system(name).align, load_system(name, "auto").align] == [best, "auto"]
    except NotInstalled as error:
        pytest.skip(str(error))


@pytest.mark.parametrize("align", ["auto", "none", "20"])
def test_results_say_which_alignment_a_system_had(corpus, align):
    table = evaluate([load_system("nlms", align)], corpus[:1], {"level": METRICS["level"]}, split="val")
    assert table.provenance["systems"]["nlms"]["align"] == align


def test_the_command_line_passes_the_alignment_on(aecbench, corpus, echo_pair):
    mic, far = echo_pair
    outputs = []
    for align in ("auto", "none", "40"):
        assert aecbench("cancel", "--model", "nlms", "--mic", mic, "--far", far, "--out", "out.wav", "--align", align)
        outputs.append((mic.parent / "out.wav").read_bytes())
    assert outputs[0] == outputs[1] != outputs[2]


@pytest.mark.parametrize("command", ["eval", "cancel"])
def test_a_wrong_alignment_is_one_line_on_the_command_line(aecbench, corpus, echo_pair, command):
    mic, far = echo_pair
    options = {
        "eval": ["--corpus", corpus.path],
        "cancel": ["--mic", mic, "--far", far, "--out", "out.wav"],
    }
    result = aecbench(command, "--model", "nlms", *options[command], "--align", "9000")
    assert result.exit_code == 2
    assert (
        result.stderr == "aecbench: align '9000': expected best, auto, none or -2000 to 2000 ms; the nearest is 2000\n"
    )


@pytest.mark.parametrize("inner", ["kalman", "beside"])
def test_a_card_may_name_a_filter(card, inner):
    card("beside", "nlms", parameters="taps = 512")
    system = load_system(card("outer", HALVED, inner, "gain = 0.25"), "none")
    expected = load_system("kalman" if inner == "kalman" else card("beside", "nlms", parameters="taps = 512"), "none")
    assert system.canceller.filter == expected.canceller
    assert system.canceller.gain == 0.25
    assert system.parameters["filter"]["canceller"] == expected.target
    json.dumps(system.parameters)


def test_another_filter_is_another_system(card):
    hashes = {load_system(card("outer", HALVED, inner)).hash for inner in ("kalman", "nlms")}
    card("beside", "nlms", parameters="taps = 512")
    hashes.add(load_system(card("outer", HALVED, "beside")).hash)
    card("beside", "nlms", parameters="taps = 256")
    hashes.add(load_system(card("outer", HALVED, "beside")).hash)
    assert len(hashes) == 4


@pytest.mark.parametrize(
    ("canceller", "inner", "says"),
    [
        (HALVED, "kalmann", "unknown filter 'kalmann': did you mean 'kalman'"),
        (HALVED, "hidden", "filter 'hidden' is parts_of_test_systems:Hidden; expected one that streams"),
        (HALVED, "outer", "filter 'outer' comes back to this card"),
        ("nlms", "kalman", "unknown parameter 'filter'"),
    ],
)
def test_a_filter_that_cannot_be_used_is_said_so(card, canceller, inner, says):
    card("hidden", HIDDEN)
    with pytest.raises(ConfigError, match=says) as error:
        load_system(card("outer", canceller, inner))
    assert "\n" not in str(error.value)


def test_the_folder_of_a_training_stands_for_its_best_network(tmp_path):
    (tmp_path / "mine" / "best").mkdir(parents=True)
    with pytest.raises(UsageError, match=r"none of card\.toml, best/card\.toml, last/card\.toml"):
        load_system(str(tmp_path / "mine"))
    (tmp_path / "mine" / "best" / "card.toml").write_text('canceller = "nlms"\nsummary = ""\n[parameters]\ntaps = 64\n')
    system = load_system(str(tmp_path / "mine"))
    assert (system.name, system.parameters) == ("mine", {"taps": 64})
    assert load_system(str(tmp_path / "mine" / "best")).parameters == system.parameters


@pytest.mark.parametrize("name", names("baselines"))
def test_a_shipped_system_leaves_the_search_path_as_it_is_so_that_workers_are_kept(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = list(sys.path)
    load_system(name)
    assert sys.path == before


def test_a_class_that_fails_when_it_is_made_is_blamed_in_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = "class Network:\n    latency = 0\n\n    def __init__(self):\n        open('weights.bin')\n"
    (tmp_path / "unfinished.py").write_text(code)
    says = r"^model 'unfinished:Network': .* cannot be made from \{\}: FileNotFoundError: .* \(unfinished.py, line 5\)$"
    with pytest.raises(ConfigError, match=says):
        load_system("unfinished:Network")


def own_folder(tmp_path, monkeypatch):
    """Work in a folder from which the module `own` is imported, whichever other one was before."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "own", raising=False)


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (
            "    def __init__(self):\n        sys.exit(0)\n",
            r"cannot be made from \{\}: SystemExit: 0 \(own.py, line 6\)$",
        ),
        ("sys.exit(2)\n", r"cannot import 'own' \(SystemExit: 2\); mend or remove it$"),
    ],
)
def test_a_class_that_ends_the_program_is_blamed_in_one_line(code, says, tmp_path, monkeypatch):
    own_folder(tmp_path, monkeypatch)
    (tmp_path / "own.py").write_text(f"import sys\n\nclass Own:\n    latency = 0\n{code}")
    with pytest.raises(ConfigError, match=rf"^model 'own:Own': .*{says}"):
        load_system("own:Own")


WHOLE = "expected a whole number of samples, 0 or more$"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("latency = '256'", rf"its latency is '256', {WHOLE}"),
        ("latency = 2.5", rf"its latency is 2.5, {WHOLE}"),
        ("latency = -3", rf"its latency is -3, {WHOLE}"),
        ("latency = None", rf"its latency is None, {WHOLE}"),
        ("latency = True", rf"its latency is True, {WHOLE}"),
        ("latency = lambda self: 0", "its latency is a method, expected a whole number of samples; put @property in f"),
        (
            "latency = property(lambda self: 1 / 0)",
            r"its latency cannot be read: ZeroDivisionError: .* \(own.py, line 4",
        ),
        ("latency = property(lambda self: self.x)", "its latency cannot be read: AttributeError: 'Own' object has no"),
        ("latency = property(lambda self: sys.exit(4))", "its latency cannot be read: SystemExit: 4"),
        ("latency, sample_rate = 0, '16k'", "its sample_rate is '16k', expected a whole number of Hz, 1 or more$"),
        ("latency, block = 0, 0", "its block is 0, expected a whole number of samples, 1 or more$"),
        ("latency, block = 0, 256.0", "its block is 256.0, expected a whole number of samples, 1 or more$"),
        ("latency, block, delay = 0, 256, -1", "its delay is -1, expected a whole number of samples, 0 or more$"),
        ("latency, block, stride = 0, 256, 300", "its stride is 300, expected a multiple of its block, 256$"),
    ],
)
def test_a_canceller_whose_numbers_make_no_sense_is_refused_in_one_line(code, says, tmp_path, monkeypatch):
    own_folder(tmp_path, monkeypatch)
    base = "aecbench.Streaming" if "block" in code else "object"
    cancel = "cancel = init = step = lambda *signals: signals[1]"
    (tmp_path / "own.py").write_text(f"import sys, aecbench\n\nclass Own({base}):\n    {code}\n    {cancel}\n")
    with pytest.raises(ConfigError, match=rf"^model 'own:Own': own:Own cannot be used: {says}") as error:
        load_system("own:Own")
    assert "\n" not in str(error.value)


def test_a_latency_may_be_an_integer_of_numpy(tmp_path, monkeypatch, corpus):
    own_folder(tmp_path, monkeypatch)
    code = "import numpy as np\n\nclass Own:\n    latency = np.int64(7)\n    cancel = lambda self, mic, far: mic\n"
    (tmp_path / "own.py").write_text(code)
    table = evaluate("own:Own", corpus.split("test")[:1], ["erle"])
    table.save(tmp_path / "results")
    assert ResultTable.load(tmp_path / "results" / "rows.parquet").provenance["systems"]["own:Own"]["latency"] == 7
