"""The convergence picture."""

import matplotlib.image
import numpy as np
import pytest
import scipy.stats
from PIL import Image

from aecbench.errors import UsageError
from aecbench.plots import plot_convergence


def curves(seed=0):
    rng = np.random.default_rng(seed)
    erle = 20 * (1 - np.exp(-np.arange(40) / 8)) + rng.normal(size=(12, 40))
    erle[:, 5] = np.nan  # silent in all scenes
    erle[1:, 6] = np.nan  # in all but one
    return {"fast": erle, "slow": erle / 2}


def test_a_picture_is_drawn_with_silent_segments_left_out(tmp_path):
    plot_convergence(curves(), 0.25, tmp_path / "new" / "curve.png", changes=[5.0], title="two systems")
    with Image.open(tmp_path / "new" / "curve.png") as picture:
        assert picture.getcolors(10) is None  # it has more colours


def test_the_band_narrows_with_the_number_of_scenes(tmp_path):
    def coloured(erle):
        plot_convergence({"one": erle}, 0.25, tmp_path / "curve.png")
        rgb = matplotlib.image.imread(tmp_path / "curve.png")[..., :3]
        return np.sum(rgb[..., 2] - rgb[..., 0] > 0.05)

    few = curves()["fast"]
    assert coloured(np.tile(few, (20, 1))) < 0.7 * coloured(few)


@pytest.mark.parametrize(("scenes", "bands"), [(4, 0), (5, 1)])
def test_a_band_is_drawn_of_five_scenes_or_more(monkeypatch, tmp_path, scenes, bands):
    figures = []
    monkeypatch.setattr("aecbench.plots.convergence.save", lambda figure, path: figures.append(figure))
    erle = np.random.default_rng(0).normal(20, 1, (scenes, 8))
    plot_convergence({"one": erle}, 0.25, tmp_path / "curve.png")
    (axis,) = figures[0].axes
    drawn = [path for band in axis.collections for path in band.get_paths() if len(path.vertices)]
    assert len(drawn) == bands
    np.testing.assert_allclose(axis.lines[0].get_ydata(), erle.mean(0))
    if bands:
        ends = scipy.stats.t.interval(0.95, scenes - 1, erle[:, 0].mean(), scipy.stats.sem(erle[:, 0]))
        at_start = drawn[0].vertices[np.isclose(drawn[0].vertices[:, 0], 0.125), 1]
        np.testing.assert_allclose([at_start.min(), at_start.max()], ends)


def test_a_file_that_no_picture_can_be_is_one_clear_error(tmp_path):
    with pytest.raises(UsageError, match=r"ends in '\.doc', expected \.png, \.svg or \.pdf"):
        plot_convergence(curves(), 0.25, tmp_path / "curve.doc")
