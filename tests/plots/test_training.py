"""The picture of a training."""

import matplotlib.image
import numpy as np
import pytest

from aecbench.plots import plot_training


def log(steps=200, epochs=4, **scores):
    """Rows of a training whose loss falls, with a step that was not finite and one that stands out."""
    losses = 2 + np.exp(-np.arange(steps) / 50) + 0.1 * np.random.default_rng(0).normal(size=steps)
    rows = [{"step": n, "loss": float(loss)} for n, loss in enumerate(losses, 1)]
    if steps > 20:
        rows[10]["loss"], rows[20]["loss"] = None, 1e6
    ends = [{"step": steps * n // epochs, "epoch": n, "val_loss": 3 - n / 4, **scores} for n in range(1, epochs + 1)]
    return rows, ends


def drawn(path, rows):
    plot_training(*rows, path)
    return matplotlib.image.imread(path)


def dark(picture, colour):
    """How many points are of about that colour, 0 ... 1 for red, green and blue."""
    return int(np.sum(np.abs(picture[..., :3] - colour).max(-1) < 0.1))


BLUE, GREY = (0.04, 0.42, 0.8), (0.55, 0.58, 0.62)


def test_each_score_that_an_epoch_has_gets_a_panel(tmp_path):
    none = drawn(tmp_path / "none.png", log(erle=None))
    two = drawn(tmp_path / "two.png", log(erle=20.0, pesq=2.0, stoi=None))
    assert two.shape[0] > 1.5 * none.shape[0]


def test_a_step_that_stands_out_does_not_hide_the_others(tmp_path):
    rows, ends = log()
    calm = [row if row["loss"] != 1e6 else {**row, "loss": 2.5} for row in rows]
    for place, of in (("wild", rows), ("calm", calm)):
        plot_training(of, ends, tmp_path / f"{place}.png")
    wild, calm = (dark(matplotlib.image.imread(tmp_path / f"{place}.png"), GREY) for place in ("wild", "calm"))
    assert wild > 0.8 * calm > 0


@pytest.mark.parametrize("rows", [([], []), log(3, 1), (log(3)[0], []), ([], log()[1])])
def test_whatever_there_is_of_a_training_is_drawn(tmp_path, rows):
    assert drawn(tmp_path / "curve.png", rows).size


def test_validation_that_was_never_finite_is_left_out(tmp_path):
    rows, ends = log(erle=20.0)
    without = [{**row, "val_loss": None, "erle": None} for row in ends]
    assert dark(drawn(tmp_path / "a.png", (rows, without)), BLUE) < dark(drawn(tmp_path / "b.png", (rows, ends)), BLUE)
