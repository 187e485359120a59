"""A training: how the loss has fallen, and what validation has made of it."""

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

WIDTH, LOSS, SCORE = 7.2, 3.2, 1.4  # inches
STRETCHES = 50  # of all steps; the loss is averaged over each
FEW = 2.0  # per cent of the losses at either end that need not be within the picture

Row = Mapping[str, Any]


def plot_training(steps: Sequence[Row], epochs: Sequence[Row], path: Path) -> None:
    """The loss of every step, its running mean, that in validation, and below these the scores in validation.

    `steps` and `epochs` are rows as `aecbench.training.log.read_log` gives them; of the metrics those are drawn that an
    epoch has. A ring marks the epoch with the lowest loss in validation. Raises OutputError.
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
    """The steps, and the values, NaN for None."""
    return np.array([row["step"] for row in rows], float), np.array([row[name] for row in rows], float)


def _loss(axis: Axes, steps: Sequence[Row]) -> None:
    """The loss in training: of each step, and the running mean of the finite ones."""
    number, loss = _curve(steps, "loss")
    number, loss = number[np.isfinite(loss)], loss[np.isfinite(loss)]
    axis.plot(number, loss, color=PALE, lw=0.6, rasterized=True, label="a step")
    span = max(1, loss.size // STRETCHES)
    total = np.cumsum(np.insert(loss, 0, 0))
    axis.plot(number[span - 1 :], (total[span:] - total[:-span]) / span, color=GREY, lw=1.2, label="mean of steps")


def _limits(loss: Array, validation: Array) -> tuple[float, float]:
    """From the lowest to the highest, but for a few steps that stand out."""
    finite = loss[np.isfinite(loss)]
    kept = np.percentile(finite, [FEW, 100 - FEW]) if finite.size else finite
    values = np.concatenate([kept, validation[np.isfinite(validation)]])
    low, high = (values.min(), values.max()) if values.size else (0.0, 1.0)
    margin = 0.08 * (high - low) or 1.0
    return float(low - margin), float(high + margin)
