"""The pages of the guide are followed from top to bottom, each in an empty folder: every command, every Python block.

A corpus that a command made on one page is there already when the same command comes on another one.

What a page takes for granted, such as recordings of the reader's, is in BRINGS. Corpora and trainings are made smaller
by options that the pages do not show, in SMALLER. What is not run is in LEFT_OUT, with the reason.
"""

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

import click
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from matplotlib.figure import Figure

import aecbench as ab
from aecbench.cli import main

ROOT = Path(ab.__file__).parents[1]
DOCS, RATE = ROOT / "docs", 16_000
BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
FILES = [*sorted(DOCS.glob("*.md")), ROOT / "CONTRIBUTING.md", ROOT / "README.md"]
PAGES = [page for page in FILES if BLOCK.search(page.read_text())]

LEFT_OUT = {  # beginnings of lines, or of blocks of Python -> why they are not run
    "python -m pip install": "installs what is installed",
    "./check": "runs all tests, this one too",
    "arecord": "needs a sound card",
    "dask ": "started by tests/test_dask.py",
    "aecbench simulate synthetic-v2 --scheduler": "run by tests/test_dask.py",
    "torchrun": "run by tests/training/test_train.py",
    "aecbench fetch": "downloads; tests/packs fetch a small pack",
    "aecbench eval --model kalman --corpus corpora/challenge-real --metric aecmos": "needs the networks of speechmos",
    "aecbench import aec-challenge aec-challenge/": "needs recordings that were fetched; run by tests/corpus/layouts",
    "aecbench eval --model kalman --model deep_adaptive --corpus corpora/blind-2022": "needs fetched recordings",
    "aecbench echoes": "needs recordings that were fetched; run by tests/test_echoes.py",
    "aecbench simulate real-echo-v1": "needs recordings that were fetched; simulated by tests/scenes",
    "aecbench eval --board real-": "needs recordings that were fetched",
    "aecbench eval --model passthrough --model kalman --corpus corpora/real-blind-v1": "needs fetched recordings",
    "aecbench publish runs/mine-on-real": "needs results on recordings that were fetched",
    "aecbench leaderboard build real-": "needs recordings that were fetched",
    "aecbench leaderboard new real-blind-v1": "needs results on recordings that were fetched",
    "aecbench publish runs/real-blind-v1": "needs results on recordings that were fetched",
    "aecbench leaderboard new librispeech-v1": "its plan asks for all 300 scenes",
    "aecbench publish runs/librispeech-v1": "needs the board of the line above",
    "aecbench quickstart": "run by tests/test_wheel.py; here a small corpus of that name is brought",
    "aecbench doctor": "run by tests/doctor",
    "aecbench eval --model halver": "run by tests/test_plugins.py, which installs the package",
    "python benchmarks/deep_joint_start.py": "run from a checkout",
    'import pandas as pd\n\nmine = pd.read_parquet("runs/first/': "run by tests/test_docs.py, in a checkout",
    "aecbench train deep_joint": "needs the weights that the line above writes",
    "pytest --pyargs": "run by tests/test_plugins.py, which installs the package",
    "from dask_jobqueue": "needs a cluster",
    "from dask_kubernetes": "needs a cluster",
    "import aecbench as ab\n\nlive = ab.load_system": "reads and plays without end, by functions of the reader's",
    "import aecbench as ab\n\ncanceller = ab.load_system": "reads and plays without end, by functions of the reader's",
}
SMALLER = {  # what is added to a command
    "simulate": "--scenes 2 --set duration=5 --set talk.near_onset=2.5",
    "demo": "--duration 2",
    "tune": "--trials 2",
    "train": "--epochs 1 --batch-size 2 --train-samples 2 --val-samples 1 --duration 1 --workers 0",
}


class Reader:
    """Somebody in an empty folder, who types what a page says."""

    def __init__(self, folder: Path, speech: Path, shared: Path) -> None:
        self.folder, self.speech, self.shared = folder, speech, shared

    def follow(self, page: Path) -> None:
        for language, text in BLOCK.findall(page.read_text()):
            if language == "bash":
                for line in text.replace("\\\n", " ").splitlines():
                    self.type(line)
            elif not left_out(text):
                exec(compile(text, page.name, "exec"), {})

    def type(self, line: str) -> None:
        words = shlex.split(line, comments=True)
        if not words or left_out(line):
            return
        if words[0] == "aecbench":
            self.run(*words[1:])
        else:
            subprocess.run(words, check=True)

    def run(self, *words: str) -> None:
        """Run a command of aecbench, made smaller, in this process."""
        typed = [*words, *self.smaller(words)]
        with self.corpora(typed) if words[0] == "simulate" else nullcontext():
            result = CliRunner().invoke(main, typed, catch_exceptions=False)
        assert result.exit_code == 0, f"aecbench {shlex.join(words)}\n{result.output}"

    @contextmanager
    def corpora(self, typed: list[str]) -> Iterator[None]:
        """Bring the corpus that the same command made from nothing on another page, or keep it for other pages."""
        kept = self.shared / hashlib.sha256(shlex.join(typed).encode()).hexdigest()
        if kept.exists() and not typed[1].endswith(".toml"):  # a recipe of the page's
            shutil.copytree(kept, self.folder, dirs_exist_ok=True)
        before = set(self.folder.rglob("corpus.json"))
        yield
        for made in set(self.folder.rglob("corpus.json")) - before:
            part = kept.with_suffix(f".{os.getpid()}")
            shutil.copytree(made.parent, part / made.parent.relative_to(self.folder))
            with suppress(OSError):  # another process was faster
                part.rename(kept)

    def smaller(self, words: tuple[str, ...]) -> list[str]:
        """The options that make a command smaller, or do without a download."""
        added = SMALLER.get(words[0], "").split()
        if words[0] == "simulate" and words[1] in ("speech-v1", "librispeech-v1"):
            for option in {"--speech", "--noise"}.difference(words):
                added += [option, str(self.speech)]
        if words[0] == "simulate" and "corpora/tuning" in words:
            added += ["--scenes", "3"]  # fsdr is defined in the third, in which both ends talk
        return added + (["--jobs", "1"] if takes_jobs(words) else [])


def left_out(text: str) -> bool:
    return any(text.startswith(start) for start in LEFT_OUT)


def takes_jobs(words: tuple[str, ...]) -> bool:
    command: click.Command = main
    for word in words:
        if not isinstance(command, click.Group):
            break
        command = command.commands[word]
    return any(param.name == "jobs" and (param.default == -1 or "--jobs" in words) for param in command.params)


def recording(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.random.default_rng(len(path.name)).normal(size=2 * RATE) / 20, RATE)


def pair(reader: Reader) -> None:
    recording(Path("mic.wav"))
    recording(Path("far.wav"))


def quickstart(reader: Reader) -> None:
    reader.run("simulate", "quickstart-v2")


def canceller(reader: Reader) -> None:
    """The files of the page on cancellers, and the folder of one."""
    for name in ("my_canceller.py", "my_library.py", "my_metric.py", "frames.c", "nlms.c"):
        shutil.copy(DOCS / "examples" / name, name)
    mine = Path("path/to/mine")
    mine.mkdir(parents=True)
    shutil.copy("my_canceller.py", mine / "my_own_canceller.py")
    (mine / "card.toml").write_text('canceller = "my_own_canceller:MyCanceller"\nsummary = "mine"\n')


def board(reader: Reader) -> None:
    """The board synthetic-v2, of a corpus as small as the page's will be."""
    canceller(reader)
    reader.run("simulate", "synthetic-v2", "--split", "test", "--out", "elsewhere/synthetic-v2")
    metrics = ["--metric", "erle", "--metric", "lsd"]
    reader.run("eval", "--model", "nlms", "--corpus", "elsewhere/synthetic-v2", *metrics, "--out", "runs/b")
    reader.run("leaderboard", "new", "synthetic-v2", "runs/b")
    reader.run("publish", "runs/b", "--board", "synthetic-v2")
    reader.run("simulate", "synthetic-v2", "--split", "test", "--seed", "2", "--out", "corpora/mine")


def sources(reader: Reader) -> None:
    """Speech, noise and rooms of the reader's, and a recipe."""
    for n in range(12):
        recording(Path(f"my/noise/n{n}.wav"))
    shutil.copytree(reader.speech, "my/speech")
    files = sorted(Path("my/speech").rglob("*.wav"))
    rows = [f"{file.relative_to('my')},{file.parent.name}" for file in files]
    Path("my/manifest.csv").write_text("\n".join(["file,speaker", *rows]))
    for n in range(9):
        response = np.random.default_rng(n).normal(size=3200) * np.exp(-np.arange(3200) / 400) / 10
        soundfile.write(f"my/room{n // 3}_{n}.wav", response, RATE, subtype="FLOAT")
    rows = [f"room{n // 3}_{n}.wav,rir,r{n // 3}" for n in range(9)]
    Path("my/rooms.csv").write_text("\n".join(["file,kind,room", *rows]))
    recipe = (ROOT / "recipes" / "synthetic-v1.toml").read_text()
    Path("my.toml").write_text(recipe.replace('name = "synthetic-v1"', 'name = "my"'))


def product(reader: Reader) -> None:
    """The program of the page, its recipes, and the recordings that they name."""
    canceller(reader)
    for text in re.findall(r"^```toml\n(.*?)^```", (DOCS / "products.md").read_text(), re.MULTILINE | re.DOTALL):
        Path(f"{tomllib.loads(text)['name']}.toml").write_text(text)
    for n in range(8):
        recording(Path(f"my/noise/n{n}.wav"))
        recording(Path(f"my/far/voice{n}/1.wav"))
    soundfile.write("my/device.wav", np.eye(1, 64)[0], RATE)
    Path("my/device.csv").write_text("file,split\ndevice.wav,all\n")


def training(reader: Reader) -> None:
    """A trained network in the place of the page's: a smaller one."""
    shutil.copytree(ROOT / "baselines" / "deep_adaptive_2022", "runs/train/deep_adaptive/best")


def extended(reader: Reader) -> None:
    """Also a network, and corpora to train it on."""
    canceller(reader)
    pair(reader)
    shutil.copy(DOCS / "examples" / "my_network.py", "my_network.py")
    for split in ("train", "val"):
        reader.run("simulate", "synthetic-v2", "--split", split, "--out", f"corpora/{split}")
    quickstart(reader)


def network(reader: Reader) -> None:
    shutil.copy(DOCS / "examples" / "my_network.py", "my_network.py")


def student(reader: Reader) -> None:
    shutil.copy(DOCS / "examples" / "my_nlms.py", "my_nlms.py")


def readme(reader: Reader) -> None:
    """A recording, the corpus of the quickstart, and the canceller of the page."""
    pair(reader)
    quickstart(reader)
    blocks = [text for language, text in BLOCK.findall((ROOT / "README.md").read_text()) if language == "python"]
    Path("mine.py").write_text(next(text for text in blocks if text.startswith("class Half")))


def outputs(corpus: str) -> None:
    Path("outputs").mkdir()
    for item in ab.load_corpus(corpus):
        soundfile.write(f"outputs/{item.scene.id.partition('/')[2].replace('/', '-')}.wav", item.signals.mic, RATE)


def recordings(reader: Reader) -> None:
    pair(reader)
    for end in ("mic", "lpb"):
        recording(Path(f"my/recordings/phone_farend_singletalk_{end}.wav"))
        recording(Path(f"recordings/a_{end}.wav"))
        recording(Path(f"AEC-Challenge/datasets/real/abc_farend_singletalk_{end}.wav"))
    quickstart(reader)
    outputs("corpora/quickstart-v2")
    words = ["--format", "aec-challenge", "--split", "test", "--out", "AEC-Challenge/datasets/synthetic"]
    reader.run("export", "corpora/quickstart-v2", *words)


BRINGS: dict[str, Callable[[Reader], None]] = {
    "README.md": readme,
    "choose.md": quickstart,
    "deploy.md": training,
    "extend.md": extended,
    "format.md": quickstart,
    "leaderboards.md": board,
    "network.md": network,
    "papers.md": canceller,
    "products.md": product,
    "recordings.md": recordings,
    "simulate.md": sources,
    "students.md": student,
    "start.md": lambda reader: (pair(reader), quickstart(reader)),
}


@pytest.fixture
def reader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, speech_folder: Path, shared: Path, recorded_once: None
) -> Iterator[Reader]:
    pytest.importorskip("espeakng_loader")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("aecbench.costs.SECONDS", 1)
    savefig = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda *args, **options: savefig(*args, **options | {"dpi": 30}))
    yield Reader(tmp_path, speech_folder, shared)
    for name, module in list(sys.modules.items()):  # the next page has files of the same names
        if (getattr(module, "__file__", None) or "").startswith(f"{tmp_path}{os.sep}"):
            del sys.modules[name]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_can_be_followed_from_top_to_bottom(reader, page):
    if page.name in BRINGS:
        BRINGS[page.name](reader)
    reader.follow(page)


def test_what_is_left_out_is_on_a_page():
    texts = [text for page in PAGES for _, text in BLOCK.findall(page.read_text())]
    lines = [line for text in texts for line in text.splitlines()]
    for start in LEFT_OUT:
        assert any(text.startswith(start) for text in (*lines, *texts)), start
