"""What training tells: JSON lines, and the same for TensorBoard."""

import math

import pytest

from aecbench.training.log import BOARD, LOG, Log, read_log
from aecbench.training.run import PART

STEPS = 6


def step(n, loss):
    return {"step": n, "epoch": 1, "loss": loss, "seconds": 0.1}


def write(folder, losses, *, length=0, done=0):
    """A log of the steps after `done`, with these losses. Gives its length after each."""
    lengths = []
    with Log(folder, length, done, STEPS) as log:
        for n, loss in enumerate(losses, done + 1):
            log.step(step(n, loss), 8)
            lengths.append(log.length)
    return lengths


def board(folder):
    """All that TensorBoard would show: name -> [(step, value)]."""
    events = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator",
        reason="TensorBoard is not installed: pip install 'aecbench[train]'",
    )
    shown = events.EventAccumulator(str(folder / BOARD))
    shown.Reload()
    return {name: [(one.step, one.value) for one in shown.Scalars(name)] for name in shown.Tags()["scalars"]}


def test_tensorboard_shows_every_number_of_steps_and_epochs(tmp_path):
    with Log(tmp_path, 0, 0, 2) as log:
        log.step(step(1, 0.5), 8)
        log.step(step(2, 0.25), 8)
        means = {"loss": 0.375, "val_loss": 0.75, "erle": 12.5, "lr": 0.5, "examples_per_second": 64.0, "waiting": 0.0}
        log.epoch({"step": 2, "epoch": 1, **means}, best=True)
    shown = board(tmp_path)
    assert shown["step/loss"] == [(1, 0.5), (2, 0.25)]
    assert {name: values for name, values in shown.items() if name.startswith("epoch/")} == {
        f"epoch/{name}": [(2, value)] for name, value in means.items()
    }


def test_tensorboard_shows_a_training_that_goes_on_as_if_it_had_never_stopped(tmp_path):
    lengths = write(tmp_path, [1.0, 2.0, 3.0, 4.0])
    write(tmp_path, [30.0, 40.0, 50.0], length=lengths[1], done=2)
    assert board(tmp_path)["step/loss"] == [(1, 1.0), (2, 2.0), (3, 30.0), (4, 40.0), (5, 50.0)]
    assert [row["loss"] for row in read_log(tmp_path)[0]] == [1.0, 2.0, 30.0, 40.0, 50.0]


@pytest.mark.parametrize("name", ["step", "epoch", "seconds"])
def test_tensorboard_shows_a_part_of_the_loss_beside_the_number_that_shares_its_name(tmp_path, name):
    with Log(tmp_path, 0, 0, 2) as log:
        log.step({**step(7, 0.5), f"{PART}{name}": 0.95}, 8)
    shown = board(tmp_path)
    assert shown["step/loss"] == [(7, 0.5)]
    assert shown[f"step/part/{name}"] == [(7, pytest.approx(0.95))]


def test_tensorboard_is_not_shown_what_is_not_finite(tmp_path):
    write(tmp_path, [1.0, math.nan, math.inf, 4.0])
    assert board(tmp_path)["step/loss"] == [(1, 1.0), (4, 4.0)]


def test_without_tensorboard_there_is_still_a_log(tmp_path, monkeypatch):
    monkeypatch.setattr("aecbench.training.log.find_spec", lambda _: None)
    write(tmp_path, [1.0, math.nan])
    assert {path.name for path in tmp_path.iterdir()} == {LOG}
    steps, epochs = read_log(tmp_path)
    assert [row["loss"] for row in steps] == [1.0, None]
    assert epochs == []


def test_without_a_bar_lines_tell_the_pace_and_the_time_that_is_left(tmp_path, monkeypatch, capsys):
    clock = iter(range(0, 10_000, 30))
    monkeypatch.setattr("aecbench.training.log.time.monotonic", lambda: float(next(clock)))
    with Log(tmp_path, 0, 2, 1002) as log:
        for n in range(3, 7):
            log.step({"step": n, "epoch": 1, "loss": 0.5, "seconds": 0.5}, 8)
    lines = capsys.readouterr().err.splitlines()
    assert 1 <= len(lines) < 4
    assert lines[0].startswith("step 4 of 1002  epoch 1  loss 0.5  2 steps/s, 16 examples/s, ")
    assert lines[0].endswith(" h left")
