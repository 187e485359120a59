"""A training: the loss, the validation loss and the validation scores over the steps."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aecbench.metrics import METRICS
from aecbench.plots.style import ACCENT, GREY, INK, PALE, plain, save
from aecbench.results import heading
from aecbench.signals import Array

__all__ = ["plot_training"]

WIDTH, LOSS, SCORE = 7.2, 3.2, 1.4  # [inch] width; heights of the panels of loss and scores
STRETCHES = 50  # the running mean of the loss is over 1 / STRETCHES of all steps
FEW = 2.0  # percentage of the losses at either end that may be outside the axes

Row = Mapping[str, Any]


def plot_training(steps: Sequence[Row], epochs: Sequence[Row], path: Path) -> None:
    """Draw the loss of every step, its running mean and the validation loss, and below them the validation scores.

    `steps` and `epochs` are rows as returned by `aecbench.training.log.read_log`; metrics that occur in the rows of
    epochs are drawn. A ring marks the epoch with the lowest validation loss. Raises OutputError.
    """
    scores = [name for name in METRICS if any(row.get(name) is not None for row in epochs)]
    best = min((row for row in epochs if row["val_loss"] is not None), key=lambda row: row["val_loss"], default=None)
    heights = [LOSS, *(SCORE for _ in scores)]
    with plain():
        figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
        axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
        _loss(axes[0], steps)
        for axis, name, label in zip(axes, ["val_loss", *scores], ["loss", *map(heading, scores)], strict=True):
            axis.plot(*_curve(epochs, name), "o-", color=ACCENT, ms=3, lw=1.2, label="validation")
            if best is not None and best[name] is not None:
                axis.plot(best["step"], best[name], "o", mfc="none", mec=INK, ms=8, label="lowest")
            axis.set_ylabel(label)
            axis.grid(color=PALE, lw=0.6)
            axis.set_axisbelow(True)
        axes[0].legend(loc="upper right", ncols=4)
        axes[0].set_ylim(*_limits(_curve(steps, "loss")[1], _curve(epochs, "val_loss")[1]))
        axes[-1].set_xlabel("step")
        figure.align_ylabels()
        save(figure, path)


def _curve(rows: Sequence[Row], name: str) -> tuple[Array, Array]:
    """Return the steps, and the values with NaN for None."""
    return np.array([row["step"] for row in rows], float), np.array([row[name] for row in rows], float)


def _loss(axis: Axes, steps: Sequence[Row]) -> None:
    """Draw the training loss of each step, and the running mean of the finite ones."""
    number, loss = _curve(steps, "loss")
    number, loss = number[np.isfinite(loss)], loss[np.isfinite(loss)]
    axis.plot(number, loss, color=PALE, lw=0.6, rasterized=True, label="a step")
    span = max(1, loss.size // STRETCHES)
    total = np.cumsum(np.insert(loss, 0, 0))
    axis.plot(number[span - 1 :], (total[span:] - total[:-span]) / span, color=GREY, lw=1.2, label="mean of steps")


def _limits(loss: Array, validation: Array) -> tuple[float, float]:
    """Return the limits of the axis: from the lowest to the highest loss, without a few outliers."""
    finite = loss[np.isfinite(loss)]
    kept = np.percentile(finite, [FEW, 100 - FEW]) if finite.size else finite
    values = np.concatenate([kept, validation[np.isfinite(validation)]])
    low, high = (values.min(), values.max()) if values.size else (0.0, 1.0)
    margin = 0.08 * (high - low) or 1.0
    return float(low - margin), float(high + margin)
