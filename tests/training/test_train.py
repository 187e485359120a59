"""Training: it learns, it goes on exactly where it was stopped, it survives what is not finite, it tells."""

import importlib
import json
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

from aecbench.config import read_toml, sha256
from aecbench.errors import AecbenchError, ConfigError, OutputError, UnknownName, UsageError
from aecbench.recipe import read_recipe
from aecbench.simulation import simulate
from aecbench.systems import load_system
from aecbench.training import Limits, average, export, read_settings, stored_settings, train
from aecbench.training.checkpoint import LAST, read_checkpoint, write_checkpoint
from aecbench.training.data import Readers, training_examples
from aecbench.training.processes import processes
from aecbench.training.run import Training

TOY = '''
"""A network that learns to let the far end through."""
from dataclasses import dataclass
import numpy as np
import torch
from torch import nn
from aecbench.cancellers.base import Streaming, check_finite
from aecbench.cancellers.deep.base import Network, NetworkConfig

class ToyConfig(NetworkConfig):
    taps: int = 16
    dropout: float = 0.0
    nan_from: int = 1_000_000
    nan_until: int = 0
    parts: list[str] = []

@dataclass(frozen=True)
class Filter(Streaming):
    weights: tuple
    block: int = 256
    latency = 0

    def init(self, batch):
        return np.zeros((*batch, len(self.weights) - 1), np.float32)

    def step(self, state, mic, far):
        check_finite(self, mic, far)
        x = np.concatenate([state, far], -1)
        windows = np.lib.stride_tricks.sliding_window_view(x, len(self.weights), -1)
        return x[..., far.shape[-1]:], (mic - windows @ np.array(self.weights, np.float32)).astype(np.float32)

class Toy(Network):
    Config = ToyConfig
    calls = 0

    def __init__(self, config):
        super().__init__(config)
        self.weights = nn.Parameter(0.01 * torch.randn(config.taps))

    def loss(self, batch):
        Toy.calls += 1
        c = self.config
        far = nn.functional.dropout(batch.far, c.dropout, self.training)
        echo = nn.functional.conv1d(far[:, None], self.weights[None, None], padding=c.taps - 1)[:, 0]
        error = (echo[:, : far.shape[1]] - batch.far).square().mean(-1)
        size = self.weights.square().mean()
        loss = (100 * error).mean() + 0.01 * size
        if c.nan_from <= Toy.calls < c.nan_until:
            loss = loss * float("nan")
        return loss, {"error": error.mean(), "size": size, **dict.fromkeys(c.parts, size)}

    def canceller(self):
        return Filter(tuple(self.weights.tolist()))
'''
MODEL = "toy_net:Toy"
BASICS = {"epochs": 4, "batch_size": 2, "duration": 1.0, "lr": 0.02, "val_scenes": 0, "seed": 3}


@pytest.fixture(scope="module")
def training_corpus(tmp_path_factory, recipe_file):
    sizes = ["splits.train=10", "splits.val=3", "splits.test=1", "duration=1.5", "talk.near_onset=0.7"]
    return simulate(read_recipe(str(recipe_file), sizes), tmp_path_factory.mktemp("corpora") / "training")


@pytest.fixture(autouse=True)
def toy(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "toy_net", raising=False)
    (tmp_path / "toy_net.py").write_text(TOY)
    importlib.invalidate_caches()


def go(corpus, out, *, resume=False, limits=None, workers=0, network=None, **changes):
    settings = read_settings(options={**BASICS, **changes, "network": network or {}})
    return train(MODEL, corpus, settings, out=out, device="cpu", workers=workers, resume=resume, limits=limits)


def rows(out, kind="step"):
    """What was logged, without times."""
    every = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    times = {"seconds", "wait", "examples_per_second", "waiting"}
    return [{name: row[name] for name in row.keys() - times} for row in every if row["kind"] == kind]


def tensors(out):
    """All tensors of the last checkpoint, and the progress but for the time."""
    groups, progress, rest = read_checkpoint(out / LAST)
    progress.seconds, progress.log = 0.0, 0
    plain = {f"{group}/{name}": z.numpy().tolist() for group, of in groups.items() for name, z in of.items()}
    return plain, progress, rest


TWO = """
from toy_net import Toy
from torch import nn, zeros

class Two(Toy):
    def __init__(self, config):
        super().__init__(config)
        self.offset = nn.Parameter(zeros(3))

    def loss(self, batch):
        loss, parts = super().loss(batch)
        return loss + (self.offset - 1).square().sum(), parts
"""


@pytest.fixture
def go_two(training_corpus, tmp_path):
    """Trains a network with the weights `weights` and `offset`; returns all tensors of the last checkpoint."""
    (tmp_path / "two_net.py").write_text(TWO)

    def run(*frozen, **options):
        settings = read_settings(options={**BASICS, "frozen": frozen})
        train("two_net:Two", training_corpus, settings, out=tmp_path / "two", device="cpu", workers=0, **options)
        return tensors(tmp_path / "two")[0]

    return run


def test_frozen_weights_stay_as_they_are_and_the_others_are_trained(go_two):
    go_two("off", limits=Limits(hours=0))
    stopped = go_two("off", resume=True)
    assert stopped["network/offset"] == stopped["averaged/module.offset"] == [0, 0, 0]
    assert max(stopped["network/weights"]) > 0.1  # the tap that lets the far end through; at most 0.02 before


def test_a_training_from_before_a_setting_existed_goes_on(training_corpus, tmp_path):
    go(training_corpus, tmp_path / "run", limits=Limits(hours=0))
    groups, progress, rest = read_checkpoint(tmp_path / "run" / LAST)
    del rest["settings"]["frozen"]
    write_checkpoint(tmp_path / "run" / LAST, groups, progress, rest)
    assert go(training_corpus, tmp_path / "run", resume=True).finished


@pytest.mark.parametrize(
    ("frozen", "message"),
    [
        (["bias"], r"^frozen: no weight of Two begins with 'bias'; its parts are weights, offset$"),
        (["weights", "offset"], r"^frozen: no weight of Two is left to train; its parts are weights, offset$"),
    ],
)
def test_weights_that_cannot_be_frozen_are_refused_before_anything_is_written(go_two, tmp_path, frozen, message):
    with pytest.raises(UsageError, match=message):
        go_two(*frozen)
    assert not (tmp_path / "two").exists()


@pytest.mark.parametrize("schedule", ["cosine", "plateau"])
def test_the_loss_falls_and_the_best_network_is_kept(training_corpus, tmp_path, schedule):
    trained = go(training_corpus, tmp_path / "run", epochs=8, schedule=schedule)
    assert trained.finished
    losses = [row["val_loss"] for row in rows(tmp_path / "run", "epoch")]
    assert len(losses) == 8
    assert min(losses) < 0.9 * losses[0]
    assert trained.best_epoch == 1 + int(np.argmin(losses))
    card = read_toml(trained.model / "card.toml")
    assert card["origin"]["reached"]["val_loss"] == min(losses)
    assert (trained.model / card["weights"]).is_file()
    assert len(rows(tmp_path / "run")) == 8 * 5


@pytest.mark.parametrize("workers", [0, 2])
def test_a_training_that_was_killed_goes_on_to_the_bit(training_corpus, tmp_path, monkeypatch, workers):
    network = {"dropout": 0.3}
    go(training_corpus, tmp_path / "whole", network=network)
    taken, step = iter(range(1000)), Training.step

    def killed(run, batch):
        if next(taken) in (3, 9, 16):
            raise KeyboardInterrupt
        return step(run, batch)

    monkeypatch.setattr(Training, "step", killed)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            go(training_corpus, tmp_path / "parts", resume=True, limits=Limits(steps=2), network=network)
    go(training_corpus, tmp_path / "parts", resume=True, limits=Limits(steps=3), workers=workers, network=network)
    assert rows(tmp_path / "parts") == rows(tmp_path / "whole")
    assert rows(tmp_path / "parts", "epoch") == rows(tmp_path / "whole", "epoch")
    assert tensors(tmp_path / "parts") == tensors(tmp_path / "whole")


def test_randomness_in_the_network_is_there_and_depends_on_the_seed(training_corpus, tmp_path):
    for name, network, seed in (("plain", {}, 3), ("dropped", {"dropout": 0.3}, 3), ("other", {}, 4)):
        go(training_corpus, tmp_path / name, epochs=1, seed=seed, network=network)
    losses = [[row["loss"] for row in rows(tmp_path / name)] for name in ("plain", "dropped", "other")]
    assert losses[0] != losses[1]
    assert losses[0] != losses[2]


def test_a_limit_of_time_stops_it_and_it_goes_on(training_corpus, tmp_path):
    go(training_corpus, tmp_path / "whole")
    parts = [go(training_corpus, tmp_path / "parts", resume=True, limits=Limits(hours=1e-9)) for _ in range(21)]
    assert [part.finished for part in parts] == [False] * 20 + [True]
    assert rows(tmp_path / "parts") == rows(tmp_path / "whole")
    assert tensors(tmp_path / "parts") == tensors(tmp_path / "whole")


RANKS = """
import multiprocessing, os, sys
from pathlib import Path
from aecbench.corpus import open_corpus
from aecbench.training import read_settings, train

def work(rank):
    os.environ["RANK"] = str(rank)
    settings = read_settings(options=eval(sys.argv[2]))
    train("toy_net:Toy", open_corpus(Path(sys.argv[1])), settings, out=Path("two"), device="cpu", workers=0)

ranks = [multiprocessing.get_context("fork").Process(target=work, args=(rank,)) for rank in range(2)]
for rank in ranks:
    rank.start()
for rank in ranks:
    rank.join()
sys.exit(any(rank.exitcode for rank in ranks))
"""


def test_two_processes_train_as_one_with_twice_the_batch(training_corpus, tmp_path):
    go(training_corpus, tmp_path / "one", batch_size=4, epochs=2)
    settings = {**BASICS, "epochs": 2}
    torchrun = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(20_000 + os.getpid() % 10_000), "WORLD_SIZE": "2"}
    environment = {**os.environ, **torchrun, "PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", RANKS, str(training_corpus.path), repr(settings)]
    done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    for kind in ("step", "epoch"):
        one, two = rows(tmp_path / "one", kind), rows(tmp_path / "two", kind)
        assert len(one) == len(two) > 1
        for name in one[0].keys() - {"kind"}:
            np.testing.assert_allclose([row[name] for row in two], [row[name] for row in one], rtol=1e-5, err_msg=name)


def test_steps_that_are_not_finite_are_skipped_and_counted(training_corpus, tmp_path):
    trained = go(training_corpus, tmp_path / "run", network={"nan_from": 3, "nan_until": 6})
    steps = rows(tmp_path / "run")
    assert trained.skipped == 3
    assert [row["loss"] is None for row in steps] == [False] * 2 + [True] * 3 + [False] * 15
    assert rows(tmp_path / "run", "epoch")[-1]["skipped"] == 3


TAKEN = ["step", "epoch", "kind", "loss", "norm", "lr", "seconds", "wait", "skipped", "count", "val_loss", "erle"]


def test_a_part_of_a_loss_replaces_no_other_number_of_its_name(training_corpus, tmp_path):
    plain, named = tmp_path / "plain", tmp_path / "named"
    for folder, parts in ((plain, []), (named, TAKEN)):
        importlib.import_module("toy_net").Toy.calls = 0
        trained = go(training_corpus, folder, epochs=2, network={"nan_from": 3, "nan_until": 4, "parts": parts})
    for kind in ("step", "epoch"):
        for row, expected in zip(rows(named, kind), rows(plain, kind), strict=True):
            own = {name: row.pop(f"part/{name}") for name in TAKEN}
            assert row == expected
            assert set(own.values()) == {row["part/size"]}
    assert read_toml(trained.model / "card.toml")["origin"]["reached"].keys() == {"epoch", "step", "val_loss"}


def test_a_training_that_is_never_finite_ends_with_advice(training_corpus, tmp_path):
    with pytest.raises(AecbenchError, match=r"^4 steps in a row were not finite.*smaller --lr"):
        go(training_corpus, tmp_path / "run", bad_steps=4, network={"nan_from": 3, "nan_until": 1000})
    assert len(rows(tmp_path / "run")) == 6


def test_training_ends_when_patience_does(training_corpus, tmp_path):
    trained = go(training_corpus, tmp_path / "run", epochs=30, patience=2, lr=1.0, ema=0.0)
    assert trained.finished
    assert trained.epoch == trained.best_epoch + 2 < 30


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(training_corpus, tmp_path, monkeypatch):
    go(training_corpus, tmp_path / "run", limits=Limits(hours=1e-9))
    before = (tmp_path / "run" / LAST).read_bytes()

    def full(path, data):
        with path.open("wb") as file:
            file.write(data[:100])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.write_bytes", full)
        with pytest.raises(OutputError, match="No space left"):
            go(training_corpus, tmp_path / "run", resume=True)
    assert (tmp_path / "run" / LAST).read_bytes() == before
    assert not list((tmp_path / "run").glob("*.tmp"))
    assert go(training_corpus, tmp_path / "run", resume=True).finished


def test_a_checkpoint_that_cannot_be_read_is_kept_and_said_so(training_corpus, tmp_path):
    (tmp_path / "run" / LAST).mkdir(parents=True)
    with pytest.raises(
        AecbenchError, match=r"cannot be read \(Is a directory\); continue with --resume once it can be"
    ):
        go(training_corpus, tmp_path / "run", resume=True)


def test_a_better_network_replaces_the_one_before_in_one_instant(training_corpus, tmp_path):
    network = importlib.import_module("toy_net")
    from aecbench.cancellers.deep.base import load_network
    from aecbench.training.checkpoint import write_model

    first, second = (network.Toy(network.ToyConfig()) for _ in range(2))
    card = {"canceller": MODEL, "summary": "a toy", "origin": {}}
    write_model(tmp_path / "best", first, card)
    old = read_toml(tmp_path / "best" / "card.toml")
    new_weights_only = [path for path in (tmp_path / "best").iterdir() if path.suffix == ".safetensors"]
    write_model(tmp_path / "other", second, card)
    fresh = read_toml(tmp_path / "other" / "card.toml")
    assert fresh["weights"] != old["weights"]  # so a kill between weights and card leaves the old pair
    write_model(tmp_path / "best", second, card)
    now = read_toml(tmp_path / "best" / "card.toml")
    assert not new_weights_only[0].exists()
    again = load_network(network.Toy, now["parameters"], tmp_path / "best" / now["weights"], now["sha256"])
    assert again.canceller() == second.canceller() != first.canceller()


def test_weights_that_do_not_fit_are_refused_in_one_line(tmp_path):
    from aecbench.cancellers.deep.base import load_network
    from aecbench.training.checkpoint import write_model

    toy = importlib.import_module("toy_net")
    write_model(tmp_path, toy.Toy(toy.ToyConfig()), {"canceller": MODEL, "summary": "a toy", "origin": {}})
    card = read_toml(tmp_path / "card.toml")
    weights, nonsense = tmp_path / card["weights"], tmp_path / "nonsense"
    nonsense.write_bytes(b"nonsense")
    for words, parameters, path, digest in (
        (r"weights is float32 \[16\], expected float32 \[4\]", {"taps": 4}, weights, card["sha256"]),
        ("has SHA-256", {}, weights, 64 * "0"),
        ("No such file", {}, tmp_path / "none", card["sha256"]),
        ("is not a safetensors file", {}, nonsense, sha256(b"nonsense")),
        ("did you mean 'taps'", {"tap": 4}, weights, card["sha256"]),
    ):
        with pytest.raises(ConfigError, match=words) as raised:
            load_network(toy.Toy, parameters, path, digest)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("model", ["first", "first/best"])
def test_first_weights_can_be_those_of_another_training(training_corpus, tmp_path, model):
    first = go(training_corpus, tmp_path / "first", epochs=8)
    settings = read_settings(options={**BASICS, "epochs": 1})
    train(MODEL, training_corpus, settings, out=tmp_path / "second", device="cpu", workers=0, init=model)
    assert rows(tmp_path / "second")[0]["loss"] < 0.9 * rows(tmp_path / "first")[0]["loss"]
    card = read_toml(tmp_path / "second" / "best" / "card.toml")
    assert card["origin"]["init"] == read_toml(first.model / "card.toml")["sha256"]


@pytest.mark.parametrize("device", ["foo", "cuda:x", "cpu0", ""])
def test_a_device_that_is_none_is_refused_with_those_there_are(device):
    with pytest.raises(UsageError, match=f"^device {device!r}: expected auto, cpu, cuda or cuda:N$"), processes(device):
        pass


@pytest.mark.parametrize("model", ["kalman", "nowhere", "command:./nlms {mic} {far} {out}"])
def test_first_weights_and_averages_refuse_a_model_without_weights(training_corpus, tmp_path, model):
    settings, message = read_settings(options=BASICS), f"^{re.escape(model)}: has no card with weights; expected"
    with pytest.raises(UsageError, match=message):
        train(MODEL, training_corpus, settings, out=tmp_path / "out", device="cpu", workers=0, init=model)
    with pytest.raises(UsageError, match=message):
        average([model, model], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_several_corpora_are_learnt_from_together_and_all_are_named(
    training_corpus, recipe_file, tmp_path, monkeypatch
):
    sizes = ["seed=5", "splits.train=4", "splits.val=1", "splits.test=0", "duration=1.5", "talk.near_onset=0.7"]
    other = simulate(read_recipe(str(recipe_file), sizes), tmp_path / "other")
    kind, read = type(other), set()
    stems = kind.stems
    monkeypatch.setattr(
        kind, "stems", lambda self, i, names: read.add((self.digest, self.scenes["scene"][i])) or stems(self, i, names)
    )
    settings = read_settings(options={**BASICS, "epochs": 1, "val_scenes": 3})
    out = tmp_path / "run"
    trained = train(MODEL, [training_corpus, other], settings, out=out, device="cpu", workers=0)
    assert len(rows(out)) == (10 + 4) // 2
    assert {scene for digest, scene in read if digest == other.digest} == set(other.scenes["scene"])
    origin = read_toml(trained.model / "card.toml")["origin"]
    digests = [training_corpus.digest, other.digest]
    assert [(one["digest"], one["scenes"]) for one in origin["train"]] == list(zip(digests, (10, 4), strict=True))
    assert [(one["digest"], one["scenes"]) for one in origin["val"]] == list(zip(digests, (3, 1), strict=True))
    with pytest.raises(UsageError, match=r"train is .*, but the training there has"):
        train(MODEL, training_corpus, settings, out=out, device="cpu", workers=0, resume=True)


def test_settings_are_those_of_the_recipe_then_the_options_then_the_assignments(tmp_path):
    (tmp_path / "r.toml").write_text("epochs = 7\nlr = 0.5\nclip = 1.0\n[data]\nser = {uniform = [-5, 5]}\n")
    settings = read_settings(str(tmp_path / "r.toml"), ["clip=2", "network.taps=4"], {"lr": 0.1, "seed": None})
    assert (settings.epochs, settings.lr, settings.clip, settings.seed) == (7, 0.1, 2.0, 0)
    assert settings.data.ser.uniform == (-5, 5)
    assert settings.network == {"taps": 4}
    assert read_settings("remix").data.snr.uniform == (0, 40)
    with pytest.raises(UnknownName, match="unknown training recipe 'remx': did you mean 'remix'"):
        read_settings("remx")


def test_what_cannot_be_trained_is_said_in_one_line(training_corpus, tmp_path):
    for error, words, change in (
        (ConfigError, "did you mean 'taps'", {"network": {"tap": 3}}),
        (ConfigError, "multiple of hop_length", {"network": {"n_fft": 1000}}),
        (UsageError, "less than a batch of 11", {"batch_size": 11}),
        (UsageError, "split train has 10 scenes, not 12", {"train_samples": 12}),
        (UsageError, "at most the 1.5 s", {"duration": 2.0}),
        (UsageError, "is at \\[16000\\] Hz", {"network": {"sample_rate": 8000}}),
    ):
        with pytest.raises(error, match=words) as raised:
            go(training_corpus, tmp_path / "run", **change)
        assert "\n" not in str(raised.value)
    with pytest.raises(UsageError, match="has no split train but test"):
        go(training_corpus.where(split="test"), tmp_path / "run")
    with pytest.raises(UnknownName, match="unknown network to train 'toy'"):
        train("toy", training_corpus, read_settings(), out=tmp_path / "run")
    with pytest.raises(UsageError, match="is not a network"):
        train("toy_net:Filter", training_corpus, read_settings(), out=tmp_path / "run")
    (tmp_path / "lossless_net.py").write_text(
        "from aecbench.cancellers.deep.base import Network\nclass Lossless(Network):\n    def canceller(self): ...\n"
    )
    with pytest.raises(UsageError, match="lossless_net:Lossless cannot be trained: it does not define loss;"):
        train("lossless_net:Lossless", training_corpus, read_settings(), out=tmp_path / "run")


def test_only_the_same_training_goes_on(training_corpus, tmp_path):
    go(training_corpus, tmp_path / "run", limits=Limits(hours=1e-9))
    with pytest.raises(UsageError, match="contains a training; continue with --resume"):
        go(training_corpus, tmp_path / "run")
    with pytest.raises(UsageError, match=r"lr is 0\.5, but the training there has 0\.02"):
        go(training_corpus, tmp_path / "run", resume=True, lr=0.5)
    assert read_settings(base=stored_settings(tmp_path / "run")).lr == 0.02
    (tmp_path / "run" / LAST).write_bytes(b"nonsense")
    with pytest.raises(AecbenchError, match="is not a checkpoint of this version"):
        go(training_corpus, tmp_path / "run", resume=True)


def test_the_split_test_is_never_read(training_corpus, tmp_path, monkeypatch):
    read = set()
    kind = type(training_corpus)
    place = kind._place
    monkeypatch.setattr(kind, "_place", lambda self, i: read.add(self.scenes["split"].get(i)) or place(self, i))
    go(training_corpus, tmp_path / "run", epochs=1, val_scenes=3)
    assert read - {None} == {"train", "val"}


def test_the_command_trains_scores_exports_and_demonstrates(aecbench, training_corpus, speech_folder, tmp_path):
    (tmp_path / "toy_net.py").write_text(TOY)
    options = ["--epochs", 2, "--batch-size", 2, "--duration", 1, "--workers", 0, "--set", "val_scenes=2", "--no-amp"]
    options += ["--n-fft", 512, "--hop-length", 128, "--mode", "echo_only", "--device", "cpu", "--train-samples", 6]
    result = aecbench(
        "train", MODEL, "--corpus", training_corpus.path, *options, "--export", "mine", "--licence", "CC0"
    )
    assert result.exit_code == 0, result.stderr
    folder = tmp_path / "runs" / "train" / "toy_net.Toy"
    assert result.stdout.split() == [str(folder.relative_to(tmp_path) / "best"), "mine"]
    epoch = rows(folder, "epoch")[-1]
    assert -20 < epoch["erle"] < 60
    assert 1 <= epoch["pesq"] <= 4.7
    assert 0 < epoch["stoi"] <= 1
    assert {path.name for path in (folder / "samples").iterdir()} == {
        *(f"{name}.wav" for name in ("mic", "far", "near", "epoch-001", "epoch-002")),
        "epoch-001.png",
        "epoch-002.png",
    }
    card = read_toml(tmp_path / "mine" / "card.toml")
    assert card["parameters"]["n_fft"] == 512
    assert card["parameters"]["mode"] == "echo_only"
    assert card["weights"] == "weights.safetensors"
    text = (tmp_path / "mine" / "README.md").read_text()
    for words in (
        "## Data",
        training_corpus.digest,
        "whose licence",
        "Learning curve",
        "Limits",
        "Weights: CC0.",
        "| hop_length | 128 |",
    ):
        assert words in text
    for place in (folder, tmp_path / "mine"):
        assert (place / "curve.png").stat().st_size > 1000
    assert str(tmp_path) not in text
    shown = aecbench("demo", "--model", folder, "--speech", speech_folder, "--duration", 1)
    assert shown.exit_code == 0, shown.stderr
    assert "toy_net.Toy" in shown.stdout
    again = aecbench("train", MODEL, "--corpus", training_corpus.path, "--resume", "--epochs", 3)
    assert again.exit_code == 2
    assert "epochs is 3, but the training there has 2" in again.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_answered_at_once_and_stops_it_after_the_step(
    aecbench, training_corpus, tmp_path, monkeypatch, capfd, number
):
    (tmp_path / "toy_net.py").write_text(TOY)
    step = Training.step

    def struck(run, batch):
        os.kill(os.getpid(), number)
        return step(run, batch)

    monkeypatch.setattr(Training, "step", struck)
    before = signal.getsignal(number)
    options = ["--save-dir", "run", "--duration", 1, "--device", "cpu", "--batch-size", 2, "--workers", 2]
    result = aecbench("train", MODEL, "--corpus", training_corpus.path, *options)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].endswith("the same command with --resume continues from there")
    name = {signal.SIGINT: "Ctrl-C", signal.SIGTERM: "SIGTERM"}[number]
    assert f"aecbench: {name} received: stops after this step" in capfd.readouterr().err
    assert read_checkpoint(tmp_path / "run" / LAST)[1].step == len(rows(tmp_path / "run")) == 1
    assert signal.getsignal(number) == before


def test_a_network_can_be_loaded_and_exported_before_an_epoch_has_ended(training_corpus, tmp_path):
    with pytest.raises(UsageError, match="no checkpoint"):
        export(tmp_path / "run", tmp_path / "out", [training_corpus])
    go(training_corpus, tmp_path / "run", limits=Limits(hours=1e-9))
    assert not (tmp_path / "run" / "best").exists()
    out = export(tmp_path / "run", tmp_path / "out", [training_corpus])
    assert "The weights are from step 1, averaged" in (out / "README.md").read_text()
    item = training_corpus[0]
    outputs = [load_system(tmp_path / name).cancel(item.signals.mic, item.signals.far) for name in ("run", "out")]
    np.testing.assert_array_equal(*outputs)


def test_the_first_checkpoint_comes_early(training_corpus, tmp_path, monkeypatch):
    monkeypatch.setattr("aecbench.training.loop.FIRST", 0.0)
    steps, step = [], Training.step

    def watched(run, batch):
        steps.append((tmp_path / "run" / LAST).exists())
        return step(run, batch)

    monkeypatch.setattr(Training, "step", watched)
    go(training_corpus, tmp_path / "run", epochs=1, limits=Limits(minutes=1e9))
    assert steps[:2] == [False, True]


@pytest.mark.parametrize("workers", [0, 1])
def test_examples_are_prepared_where_they_are_read(workers, training_corpus):
    settings = read_settings(None, ["batch_size=2", "duration=1.0"])
    plain, prepared = (
        next(training_examples([training_corpus], settings, 16_000, readers).epoch(0))
        for readers in (Readers(), Readers(workers=workers, prepare=halved))
    )
    np.testing.assert_array_equal(prepared.far, plain.far / 2)


def halved(batch):
    """Return the batch with half the far end."""
    return batch._replace(far=batch.far / 2)
