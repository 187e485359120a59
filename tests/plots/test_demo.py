"""The picture of a demonstration."""

import matplotlib.image
import numpy as np
import pytest

from aecbench.demonstration import demo
from aecbench.plots import plot_demo
from aecbench.systems import load_system


@pytest.fixture(scope="module")
def shown(speech_folder):
    return demo(load_system("passthrough"), duration=1.0, speech=str(speech_folder))


def picture(shown, tmp_path):
    plot_demo(shown, tmp_path / "demo.png")
    return matplotlib.image.imread(tmp_path / "demo.png")


def colours(image):
    return np.unique(np.rint(255 * image).astype(np.uint8).view(np.uint32))  # red, green, blue and alpha in one


def test_every_decision_has_a_row_of_its_own(shown, tmp_path):
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(63, 257)) + 1j * rng.normal(size=(63, 257))
    told = shown._replace(decisions={"step_size": rng.random((63, 257)), "reference": reference})
    plain, rich = (picture(one, tmp_path) for one in (shown, told))
    assert len(colours(plain)) > 10
    assert rich.shape[0] > 1.3 * plain.shape[0]
    assert rich.shape[1] == plain.shape[1]


def test_silence_is_drawn_too(shown, tmp_path):
    decisions = {"step_size": np.zeros((5, 3)), "reference": np.zeros((5, 3), complex)}
    assert picture(shown._replace(output=np.zeros_like(shown.output), decisions=decisions), tmp_path).size
