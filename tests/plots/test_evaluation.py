"""The pictures of an evaluation."""

import dataclasses

import matplotlib.image
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from aecbench.evaluation import Processed
from aecbench.plots import Evaluated
from aecbench.plots.boxes import plot_boxes, plot_spread
from aecbench.plots.conditions import plot_condition, plot_conditions
from aecbench.plots.convergence import plot_convergence
from aecbench.plots.cost import plot_cost, plot_costs
from aecbench.plots.gallery import plot_gallery
from aecbench.plots.over_time import plot_over_time
from aecbench.plots.style import looks
from aecbench.results import ResultTable
from aecbench.systems import System

SYSTEMS = ("fast", "slow", "a_system_with_quite_a_long_name")


def table(systems=SYSTEMS, metrics=("erle", "pesq", "rtf"), scenes=8, **columns):
    rng = np.random.default_rng(0)
    rows = [
        {"scene": f"toy/test/{n}", "system": system, "metric": metric, "value": rng.uniform(1, 4), "ser": -9.0 + n}
        for n in range(scenes)
        for system in systems
        for metric in metrics
    ]
    facts = {"reason": "", "failed": False, "near_loss": 0.0, "talk": "double", "rt60": 0.3, **columns}
    return ResultTable(pd.DataFrame(rows).assign(**facts), {})


def undefined(found, **where):
    """The table with NaN for the rows that are so."""
    chosen = np.logical_and.reduce([found.rows[name] == value for name, value in where.items()])
    return ResultTable(found.rows.assign(value=found.rows["value"].mask(chosen)), {})


def evaluated(found):
    return Evaluated(found)


def drawn(path):
    """Whether a picture has more than ten colours."""
    with Image.open(path) as picture:
        return picture.getcolors(10) is None


TABLES = {
    "one system": table(systems=("alone",)),
    "one scene": table(scenes=1),
    "a metric without values": undefined(table(), metric="erle"),
    "a system without values": undefined(table(), system="slow"),
}


@pytest.mark.parametrize("found", TABLES.values(), ids=TABLES)
def test_box_plots_and_cost_are_drawn_from(found, tmp_path):
    plot_spread(found, tmp_path / "boxes.png")
    assert plot_cost(found, [name for name in found.metrics if name != "rtf"], tmp_path / "cost.png")
    assert drawn(tmp_path / "boxes.png")
    assert drawn(tmp_path / "cost.png")


@pytest.mark.parametrize("name", ["one system", "a metric without values", "a system without values"])
def test_scores_over_a_number_are_drawn_from(name, tmp_path):
    plot_condition(TABLES[name], "ser", tmp_path / "ser.png")
    assert drawn(tmp_path / "ser.png")


def test_only_numbers_that_differ_between_the_scenes_are_drawn_over(tmp_path):
    assert plot_conditions(evaluated(table()), tmp_path) == [tmp_path / "ser.png"]
    assert plot_conditions(evaluated(table(ser=np.nan)), tmp_path / "none") == []
    assert plot_conditions(evaluated(table(metrics=["rtf"])), tmp_path / "none") == []
    assert not (tmp_path / "none").exists()


@pytest.fixture
def kept(monkeypatch):
    """The figures that are drawn, in place of files."""
    figures = []
    for module in ("boxes", "conditions", "convergence"):
        monkeypatch.setattr(f"aecbench.plots.{module}.save", lambda figure, path: figures.append(figure))
    return figures


def with_oracle(value):
    """A table of two systems with scores from 1 to 4, and of the oracle with one score."""
    found = table(systems=("fast", "slow", "oracle"))
    above = (found.rows["system"] == "oracle") & (found.rows["metric"] == "erle")
    return ResultTable(found.rows.assign(value=found.rows["value"].mask(above, value)), {})


@pytest.mark.parametrize(("value", "inside"), [(100.0, False), (3.0, True)])
def test_an_oracle_that_is_far_off_leaves_the_axes_to_the_others(kept, tmp_path, value, inside):
    plot_spread(with_oracle(value), tmp_path / "boxes.png")
    plot_condition(with_oracle(value), "ser=-5", tmp_path / "ser.png")
    curves = {name: np.full((3, 8), level) for name, level in {"fast": 2.0, "slow": 4.0, "oracle": value}.items()}
    plot_convergence(curves, 0.25, tmp_path / "over_time.png")
    for figure, ends in zip(kept, ("get_xlim", "get_ylim", "get_ylim"), strict=True):
        low, high = getattr(figure.axes[0], ends)()
        assert low < 3
        assert 2 < high < 8
        assert (high > value) == inside
    assert [text.get_text() for text in kept[2].axes[0].texts] == ([] if inside else ["oracle: 100 dB ↑"])
    arrows = [[line.get_marker() for line in figure.axes[0].lines] for figure in kept[:2]]
    assert [">" in arrows[0], "^" in arrows[1]] == [not inside] * 2


def test_intervals_of_few_scenes_do_not_widen_an_axis(kept, tmp_path):
    found = table(scenes=2)
    values = {("fast", 0): 0.2, ("fast", 1): 0.9}
    scores = [values.get((row.system, int(row.scene[-1])), 0.5) for row in found.rows.itertuples()]
    plot_condition(
        ResultTable(found.rows.assign(value=scores, ser=[0.0] * len(scores)), {}), "ser", tmp_path / "ser.png"
    )
    low, high = kept[0].axes[0].get_ylim()
    assert 0.1 < low <= 0.2
    assert 0.9 <= high < 1


def test_differences_of_rounding_are_not_enlarged(kept, tmp_path):
    found = table()
    plot_condition(ResultTable(found.rows.assign(value=1e-10 * found.rows["value"]), {}), "ser", tmp_path / "ser.png")
    low, high = kept[0].axes[0].get_ylim()
    assert (low, high) == pytest.approx((-0.05, 0.05), abs=1e-6)


def test_bins_have_the_edges_of_the_table(kept, tmp_path):
    plot_conditions(Evaluated(table(), by=["ser=-5,-3"]), tmp_path)
    labels = [label.get_text().split("\n")[0] for label in kept[0].axes[0].get_xticklabels()]
    assert labels == ["≤ −5", "−5 … −3", "> −3"]


def test_there_is_no_picture_of_a_cost_that_nobody_knows(tmp_path):
    assert plot_costs(evaluated(undefined(table(), metric="rtf")), tmp_path) == []
    assert plot_costs(evaluated(table(metrics=["stoi", "rtf"])), tmp_path) == []


@pytest.mark.parametrize(
    ("fast", "slow", "labels"),
    [(0.0052, 0.09, ["0.005", "0.01", "0.02", "0.05", "0.1"]), (0.0001, 0.09, ["0.0001", "0.001", "0.01", "0.1"])],
)
def test_costs_are_written_as_plain_numbers(monkeypatch, tmp_path, fast, slow, labels):
    figures = []
    monkeypatch.setattr("aecbench.plots.cost.save", lambda figure, path: figures.append(figure))
    found = table(systems=("fast", "slow"))
    rtf = found.rows["metric"] == "rtf"
    times = found.rows["system"].map({"fast": fast, "slow": slow})
    found = dataclasses.replace(found, rows=found.rows.assign(value=found.rows["value"].mask(rtf, times)))
    plot_cost(found, ["pesq"], tmp_path / "cost.png")
    (axis,) = figures[0].axes
    low, high = axis.get_xlim()
    ticks = axis.xaxis.get_major_ticks()
    assert [tick.label1.get_text() for tick in ticks if low <= tick.get_loc() <= high] == labels
    assert not axis.xaxis.get_minor_ticks()


def test_costs_that_were_counted_are_a_row_of_their_own(tmp_path):
    plot_cost(table(), ["pesq"], tmp_path / "timed.png")
    plot_cost(table(), ["pesq"], tmp_path / "both.png", {"fast": 2e6, "slow": 0.0})
    timed, both = (matplotlib.image.imread(tmp_path / f"{name}.png").shape for name in ("timed", "both"))
    assert both == (2 * timed[0], *timed[1:])
    unknown = undefined(table(), metric="rtf")
    assert plot_cost(unknown, ["pesq"], tmp_path / "counted.png", {"fast": 2e6})


def test_no_two_of_sixteen_systems_look_the_same():
    assert len(set(looks([str(n) for n in range(16)]).values())) == 16


@pytest.fixture(scope="module")
def processed(corpus):
    """Two scenes, the outputs of a system, of one that gives half of it, and none of one that failed."""
    whole = [(item, item.signals.mic) for item in (*corpus.where(talk="far_single")[:1], *corpus[:1])]
    scenes = [Processed(item, {"passthrough": mic, "short": mic[: mic.size // 2]}) for item, mic in whole]
    systems = [System(name, None, "", {}) for name in ("passthrough", "short", "broken")]
    return Evaluated(table(), systems, scenes, scenes)


def test_erle_over_time_is_drawn_where_there_is_echo_and_systems_may_fail(processed, tmp_path):
    assert all(map(drawn, plot_over_time(processed, tmp_path)))
    assert plot_over_time(processed._replace(timed=()), tmp_path / "none") == []


def test_the_gallery_has_a_picture_and_the_audio_of_each_scene(processed, tmp_path):
    pictures = plot_gallery(processed, tmp_path)
    assert len(pictures) == len(processed.gallery)
    for path in pictures:
        assert drawn(path)
        assert {"mic.wav", "near.wav", "passthrough.wav"} <= {file.name for file in path.parent.iterdir()}


def test_all_pictures_are_drawn_by_the_command_line(aecbench, corpus, tmp_path):
    result = aecbench(
        *("eval", "--model", "passthrough", "--corpus", corpus.path, "--metric", "erle"),
        *("--jobs", 1, "--plots", tmp_path / "pictures", "--json"),
    )
    assert result.exit_code == 0, result.output
    names = {path.name for path in (tmp_path / "pictures").rglob("*.png")}
    assert {"boxes.png", "cost.png", "ser.png", "over_time.png", "spectrograms.png"} <= names


def test_a_system_has_the_same_colour_over_time_as_in_the_other_figures(processed, monkeypatch, tmp_path):
    figures = []
    monkeypatch.setattr("aecbench.plots.convergence.save", lambda figure, path: figures.append(figure))
    plot_over_time(processed, tmp_path)
    colours = {line.get_label(): line.get_color() for line in figures[0].axes[0].lines}
    styles = looks([*processed.table.systems, *(system.name for system in processed.systems)])
    assert {name: colours[name] for name in ("passthrough", "short")} == {
        name: styles[name].colour for name in ("passthrough", "short")
    }


def test_the_fonts_of_a_pdf_are_those_that_publishers_accept(tmp_path):
    plot_boxes(Evaluated(table(), suffix=".pdf"), tmp_path)
    data = (tmp_path / "boxes.pdf").read_bytes()
    assert b"/TrueType" in data or b"/CIDFontType2" in data
    assert b"/Type3" not in data
