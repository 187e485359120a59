"""The mean of several sets of weights, and what its card says of them."""

from pathlib import Path

import numpy as np
import pytest
import torch

from aecbench.cancellers.deep.base import load_network
from aecbench.cancellers.deep.deep_adaptive_2022 import DeepAdaptive2022
from aecbench.cards import CARD
from aecbench.config import read_toml
from aecbench.errors import OutputError, UsageError
from aecbench.output import locked
from aecbench.systems import load_system
from aecbench.training import average
from aecbench.training.checkpoint import write_model

SMALL = {"n_fft": 64, "hop_length": 32, "taps": 2, "hidden": 4}


def model(folder, seed, **changes):
    torch.manual_seed(seed)
    network = DeepAdaptive2022(DeepAdaptive2022.Config(**SMALL | changes))
    write_model(folder, network, {"canceller": "deep_adaptive_2022", "summary": "a model", "origin": {"seed": seed}})
    return str(folder), network.state_dict()


def weights(folder):
    card = read_toml(folder / CARD)
    network = load_network(DeepAdaptive2022, card["parameters"], folder / card["weights"], card["sha256"])
    return network.state_dict()


@pytest.mark.parametrize(("shares", "part"), [(None, 0.5), ([1, 3], 0.25)])
def test_every_weight_is_the_mean_of_those_of_the_models(tmp_path, shares, part):
    (a, first), (b, second) = (model(tmp_path / name, seed) for seed, name in enumerate("ab"))
    found = weights(average([a, b], tmp_path / "mean", shares))
    assert found.keys() == first.keys()
    for name, z in found.items():
        torch.testing.assert_close(z, part * first[name] + (1 - part) * second[name])


def test_the_card_names_each_model_with_its_share_and_origin_and_loads(tmp_path):
    folders = [model(tmp_path / name, seed)[0] for seed, name in enumerate("ab")]
    mean = average(folders, tmp_path / "mean", [1, 3])
    parts = read_toml(mean / CARD)["origin"]["average"]
    assert [(part["model"], part["share"], part["origin"]) for part in parts] == [
        (folders[0], 0.25, {"seed": 0}),
        (folders[1], 0.75, {"seed": 1}),
    ]
    assert [part["sha256"] for part in parts] == [read_toml(tmp_path / name / CARD)["sha256"] for name in "ab"]
    mic = np.random.default_rng(0).normal(size=1000).astype(np.float32)
    assert np.isfinite(load_system(str(mean)).cancel(mic, mic)).all()


def test_the_parameters_are_those_of_the_first_and_the_card_says_what_differs(tmp_path):
    folders = [model(tmp_path / "a", 0)[0], model(tmp_path / "b", 1, delta=0.5)[0]]
    card = read_toml(average(folders, tmp_path / "mean") / CARD)
    assert card["parameters"]["delta"] == 0.1
    assert [part["differs"] for part in card["origin"]["average"]] == [{}, {"delta": 0.5}]


def test_models_with_weights_of_other_shapes_are_refused_by_name(tmp_path):
    folders = [model(tmp_path / "a", 0)[0], model(tmp_path / "b", 1, hidden=8)[0]]
    with pytest.raises(UsageError, match=r"b: lstm\.\S* is \[32, .*\], but .*a has \[16, "):
        average(folders, tmp_path / "mean")


@pytest.mark.parametrize(
    ("models", "shares", "message"),
    [
        (["deep_adaptive"], None, "got 1 models"),
        (["deep_adaptive", "deep_adaptive"], [1], r"the shares \[1\]"),
        (["deep_adaptive", "deep_adaptive"], [1, 0], "a positive share"),
        (["deep_adaptive", "deep_adaptive"], [1, float("nan")], "a positive share"),
        (["deep_adaptive", "deep_adaptive"], [1, float("inf")], "a positive share"),
        (["deep_adaptive", "deep_adaptive"], [1e308, 1e308], "a positive share"),
        (["deep_adaptive", "kalman"], None, "kalman: has no card with weights"),
    ],
)
def test_what_cannot_be_averaged_is_refused(tmp_path, models, shares, message):
    with pytest.raises(UsageError, match=message):
        average(models, tmp_path / "mean", shares)
    assert not (tmp_path / "mean").exists()


def test_no_model_but_an_average_is_replaced(tmp_path):
    (a, _), (b, _) = (model(tmp_path / name, seed) for seed, name in enumerate(("a", "training/best")))
    mean = average([a, b], tmp_path / "mean")
    average([a, b], tmp_path / "mean", [1, 3])
    for out, says in ((a, "is one of the models"), (b, "is one of the models"), (mean, "is one of the models")):
        with pytest.raises(UsageError, match=f"^{out}: {says}, which would be lost; choose another folder$"):
            average([a, b, str(mean)], Path(out))
    for out in (Path(a), Path(b), tmp_path / "training"):
        with pytest.raises(UsageError, match=f"^{out}: contains another model, which would be lost"):
            average([str(mean), "deep_adaptive_2022"], out)
    assert load_system(a).parameters["weights"] != load_system(b).parameters["weights"]


def test_two_processes_do_not_write_to_one_folder(tmp_path):
    folders = [model(tmp_path / name, seed)[0] for seed, name in enumerate("ab")]
    (tmp_path / "mean").mkdir()
    with locked(tmp_path / "mean"), pytest.raises(OutputError, match="mean: another process is writing there"):
        average(folders, tmp_path / "mean")
    average(folders, tmp_path / "mean")
