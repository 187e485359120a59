"""A small world to test in: talkers made of modulated noise, a corpus of short scenes, a command-line runner."""

import hashlib
import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from hypothesis import settings

from aecbench.cli import main
from aecbench.recipe import read_recipe
from aecbench.simulation import simulate

pytest.register_assert_rewrite("aecbench.contract")

RATE = 16_000
LONGEST = {f"tests/test_{name}.py" for name in ("docs", "durability", "guide", "plugins", "portable", "wheel")}

settings.register_profile("machine", deadline=None)  # how long a test takes says nothing on a shared machine
settings.load_profile("machine")

RECIPE = """
name = "toy-v1"
duration = 3.0
shard = 4
[splits]
val = 2
test = 6
[talk]
near_onset = 1.5
[levels]
ser = {uniform = [-10, 10]}
[noise]
kind = {choice = ["white", "pink", "babble"]}
snr = {uniform = [10, 40]}
[room]
rt60 = 0.2
response = 0.2
[loudspeaker]
model = {choice = ["linear", "zhang_wang"]}
[channel]
delay = {uniform = [0, 0.01]}
"""


def talker(seconds: float, seed: int) -> np.ndarray:
    """Noise with the rhythm of syllables and a pause here and there, about -26 dBFS."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    rhythm = np.sin(2 * np.pi * rng.uniform(2, 5) * time + rng.uniform(0, 6)) ** 2
    pauses = np.repeat(rng.random(len(time) // 4000 + 1) > 0.2, 4000)[: len(time)]
    return (0.15 * rng.normal(size=len(time)) * rhythm * pauses).astype(np.float32)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take longest, so that no worker is left alone with one of them at the end."""
    items.sort(key=lambda item: item.nodeid.partition("::")[0] not in LONGEST)


@pytest.fixture(scope="session")
def speech_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("speech")
    for speaker in range(12):
        (folder / f"s{speaker:02d}").mkdir()
        for utterance in range(2):
            path = folder / f"s{speaker:02d}" / f"{utterance}.wav"
            soundfile.write(path, talker(2.0, 10 * speaker + utterance), RATE)
    return folder


@pytest.fixture(scope="session")
def shared(tmp_path_factory):
    """A folder that all processes of a run of the tests share."""
    folder = tmp_path_factory.getbasetemp()
    folder = (folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def recorded_once(shared):
    """While it is in use, each network is recorded for ONNX once, by whichever test and process comes first."""
    if find_spec("onnxscript") is None:
        yield
        return
    import onnx

    from aecbench.cancellers.deep.export import onnx as export

    record = export._recorded

    def recorded(canceller):
        network = canceller.network
        digest = hashlib.sha256(repr((type(network), network.config, canceller.front, canceller.block)).encode())
        for name, value in network.state_dict().items():
            digest.update(name.encode() + value.numpy().tobytes())
        path = shared / f"{digest.hexdigest()}.onnx"
        if not path.exists():
            part = path.with_suffix(f".{os.getpid()}")
            onnx.save(record(canceller), part)
            part.rename(path)
        return onnx.load(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "_recorded", recorded)
        yield


@pytest.fixture(scope="session")
def recipe_file(tmp_path_factory, speech_folder):
    path = tmp_path_factory.mktemp("recipe") / "toy.toml"
    path.write_text(RECIPE + f'[speech]\nsource = "{speech_folder}"\n')
    return path


@pytest.fixture(scope="session")
def spec(recipe_file):
    return read_recipe(str(recipe_file))


@pytest.fixture(scope="session")
def corpus(tmp_path_factory, spec):
    return simulate(spec, tmp_path_factory.mktemp("corpora") / spec.name)


@pytest.fixture
def aecbench(tmp_path, monkeypatch):
    """Runs the command line in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object):
        return CliRunner().invoke(main, [str(a) for a in arguments], catch_exceptions=False)

    return run


@pytest.fixture
def echo_pair(tmp_path) -> tuple[Path, Path]:
    """mic.wav and far.wav: an echo without near end."""
    far = talker(4.0, 1)
    mic = np.convolve(far, np.exp(-np.arange(500) / 80) * np.random.default_rng(0).normal(size=500) / 8)[: far.size]
    for name, x in (("mic", mic), ("far", far)):
        soundfile.write(tmp_path / f"{name}.wav", x.astype(np.float32), RATE, subtype="FLOAT")
    return tmp_path / "mic.wav", tmp_path / "far.wav"
