"""Whatever a user's canceller returns or raises, every command says in one line what is wrong, and where."""

import re
import warnings

import numpy as np
import pytest

import aecbench as ab
from aecbench.cancellers.output import checked
from aecbench.costs import cost
from aecbench.demonstration import demo
from aecbench.dsp.audio import write
from aecbench.errors import AecbenchError, AudioError

CODE = """
import sys

import numpy as np
from aecbench import Streaming

class Complex:
    latency = 0
    def cancel(self, mic, far):
        return mic.astype(complex)

class Integers(Complex):
    def cancel(self, mic, far):
        return (mic * 32767).astype(np.int16)

class Nothing(Complex):
    def cancel(self, mic, far):
        pass

class Listed(Complex):
    def cancel(self, mic, far):
        return list(mic)

class Short(Complex):
    def cancel(self, mic, far):
        return mic[..., :-1]

class Raises(Complex):
    def cancel(self, mic, far):
        return self.inside(mic)

    def inside(self, mic):
        return np.concatenate([mic, np.zeros((2, 2))])  # raised in NumPy, caused here

class Exits(Complex):
    def cancel(self, mic, far):
        sys.exit("no licence")

class Panics(Complex):
    def cancel(self, mic, far):
        raise BaseException("of a library")  # such as the panics of libraries in Rust

class Stateless(Streaming):
    block = 256
    latency = 255
    def init(self, batch):
        return ()
    def step(self, state, mic, far):
        return mic

class Halved(Stateless):
    def step(self, state, mic, far):
        return state, mic[..., ::2]

class Uninitialised(Stateless):
    def init(self, batch):
        raise RuntimeError("no memory")
"""
LINE = (
    CODE.splitlines().index("        return np.concatenate([mic, np.zeros((2, 2))])  # raised in NumPy, caused here")
    + 1
)
WRONG = {
    "Complex": r"Complex: cancel returned complex128 with shape \(\d+,\), expected .* float32",
    "Integers": r"Integers: cancel returned int16 with shape",
    "Nothing": "Nothing: cancel returned None, expected",
    "Listed": "Listed: cancel returned a value of type list, expected",
    "Short": r"Short: cancel returned float32 with shape \(\d+,\), expected .* shape \(\d+,\)",
    "Raises": rf"ValueError: all the input .* \(wrong_aec.py, line {LINE}\)$",
    "Exits": r"SystemExit: no licence \(wrong_aec.py, line \d+\)$",
    "Panics": r"BaseException: of a library \(wrong_aec.py, line \d+\)$",
    "Stateless": "Stateless: step returned float32 with shape .*, expected a tuple of the next state and the output",
    "Halved": r"Halved: step returned float32 with shape \(.*128,?\), expected .*256,?\)",
    "Uninitialised": r"RuntimeError: no memory \(wrong_aec.py, line \d+\)$",
}


@pytest.fixture(params=WRONG)
def wrong(request, tmp_path, monkeypatch):
    """The name of a system, and the line that says what is wrong with it."""
    (tmp_path / "wrong_aec.py").write_text(CODE)
    monkeypatch.syspath_prepend(tmp_path)
    return f"wrong_aec:{request.param}", WRONG[request.param]


@pytest.mark.parametrize("align", ["auto", "none"])
def test_an_evaluation_has_no_scores_and_the_reason(wrong, corpus, align):
    name, words = wrong
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = ab.evaluate(name, corpus.split("test")[:1], ["erle", "level"], align=align).rows
    assert rows["value"].isna().all()
    assert rows["failed"].all()
    assert rows["reason"].str.contains(words).all(), rows["reason"][0]


@pytest.mark.parametrize("align", ["auto", "none"])
def test_a_recording_is_one_error(wrong, aecbench, tmp_path, align):
    name, words = wrong
    for file in ("mic.wav", "far.wav"):
        write(tmp_path / file, np.random.default_rng(0).normal(size=8000) / 10, 16_000)
    files = ["--mic", "mic.wav", "--far", "far.wav", "--out", "out.wav"]
    result = aecbench("cancel", "--model", name, "--align", align, *files)
    assert_one_line(result, words)
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize("align", ["best", "none"])
def test_a_cost_is_one_error(wrong, aecbench, align):
    name, words = wrong
    assert_one_line(aecbench("cost", name, "--align", align), words)


def test_a_demonstration_is_one_error(wrong, speech_folder):
    name, words = wrong
    with pytest.raises(AecbenchError, match=words):
        demo(ab.load_system(name, "none"), duration=2.0, speech=str(speech_folder))


def assert_one_line(result, words):
    assert result.exit_code == 1
    *notes, line = result.stderr.splitlines()
    assert re.search(words, line), line
    assert len(notes) <= 1, notes  # that the system needs the whole recording
    assert result.stdout == ""


def test_an_output_that_is_not_finite_has_no_cost(tmp_path, monkeypatch):
    (tmp_path / "nan_aec.py").write_text(
        "class Nan:\n    latency = 0\n    def cancel(self, mic, far):\n        return mic + float('nan')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(AudioError, match="nan_aec:Nan: its output is not finite at sample 0"):
        cost("nan_aec:Nan", "none")


class Tensor:
    """An array of another library."""

    def __init__(self, values=None):
        self.values = values

    def __array__(self, dtype=None, copy=None):
        if self.values is None:
            raise RuntimeError("requires grad")
        return self.values


def test_the_arrays_of_another_library_are_accepted_if_they_can_be_converted():
    samples, canceller = np.ones(5), object()
    assert checked(canceller, Tensor(samples), (5,)) is samples
    with pytest.raises(AudioError, match=r"a value of type Tensor that .* \(requires grad\); convert a tensor"):
        checked(canceller, Tensor(), (5,))


ABLE = """
import numpy as np

class Copies:
    latency = 0
    def cancel(self, mic, far):
        return mic

class NoCost(Copies):
    def cost(self):
        raise KeyError("taps")

class OddCost(Copies):
    def cost(self):
        return 7

class NoDecisions(Copies):
    def inspect(self, mic, far):
        raise KeyError("gain")

class OddDecisions(Copies):
    def inspect(self, mic, far):
        return {"gain": 3}

class NoFacts(Copies):
    def informed(self, facts):
        raise KeyError("room")
"""


@pytest.fixture
def able(tmp_path, monkeypatch):
    """Cancellers with abilities that fail."""
    (tmp_path / "able_aec.py").write_text(ABLE)
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NoCost", r"^NoCost: cost failed: KeyError: 'taps' \(able_aec.py, line 11\)$"),
        ("OddCost", r"^OddCost: cost returned 7, expected a Count of aecbench.cancellers.abilities, or None"),
    ],
)
def test_a_count_that_fails_is_one_error(able, name, words):
    with pytest.raises(AecbenchError, match=words):
        cost(f"able_aec:{name}")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("NoDecisions", r"^NoDecisions: inspect failed: KeyError: 'gain' \(able_aec.py, line 19\)$"),
        ("OddDecisions", r"^OddDecisions: inspect returned something else than a dictionary of arrays \[N, F\]"),
        ("NoFacts", r"^able_aec:NoFacts failed: KeyError: 'room' \(able_aec.py, line 27\)$"),
    ],
)
def test_a_demonstration_of_abilities_that_fail_is_one_error(able, speech_folder, name, words):
    with pytest.raises(AecbenchError, match=words):
        demo(ab.load_system(f"able_aec:{name}"), duration=2.0, speech=str(speech_folder))
