"""What result tables say: intervals, differences, ranks, breakdowns, formats."""

import io
import json
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from aecbench.errors import AecbenchError, UnknownName, UsageError
from aecbench.results import (
    FORMATS,
    RTF,
    ResultTable,
    cell,
    difference,
    difference_cell,
    holm,
    interval,
    result_json,
    standings,
)
from aecbench.results.formats import wide

SCENES = 60


@pytest.fixture(scope="module")
def table():
    """Systems a, b (better by 2 dB and 0.3 MOS), c (like a) on scenes of three kinds of talk; made up."""
    rng = np.random.default_rng(0)
    scenes = pd.DataFrame(
        {
            "scene": [f"made-up/test/{index:06}" for index in range(SCENES)],
            "talk": np.tile(["double", "far_single", "near_single"], SCENES // 3),
            "ser": rng.uniform(-10, 10, SCENES),
            "rt60": rng.choice([0.2, 0.4], SCENES),
            "loudspeaker": np.tile(["linear", "linear", "hard_clip", "linear"], SCENES // 4),
            "room.talkers": rng.integers(1, 100, SCENES),
            "drift": np.nan,
        }
    )
    systems = {"a": (0.0, 0.0), "b": (2.0, 0.3), "c|_<": (0.0, 0.0)}
    rows = []
    difficulty = rng.normal(0, 5, SCENES)
    for system, (more, mos) in systems.items():
        for scene, hard, talk in zip(scenes["scene"], difficulty, scenes["talk"], strict=True):
            erle = np.nan if talk == "near_single" else 15 + hard + more + rng.normal(0, 0.5)
            pesq = np.nan if talk == "far_single" else 2.5 + hard / 20 + mos + rng.normal(0, 0.02)
            for metric, value in {"erle": erle, "pesq": pesq, RTF: 0.01}.items():
                reason = "undefined" if np.isnan(value) else ""
                row = {"scene": scene, "system": system, "metric": metric, "value": value, "reason": reason}
                rows.append(row | {"failed": False, "near_loss": np.nan if talk == "far_single" else 1.0})
    provenance = {"corpus": {"id": "0" * 64, "digest": "1" * 64, "split": "test", "scenes": SCENES}, "systems": {}}
    return ResultTable(pd.DataFrame(rows).merge(scenes, on="scene"), provenance)


@pytest.mark.parametrize("by", [(), ("talk",), ("rt60",)])
def test_the_column_of_failures_counts_what_the_command_counts(table, by):
    rows = table.rows.copy()
    rows["failed"] = (rows["system"] == "b") & (
        rows["scene"] <= "made-up/test/000002"
    )  # one scene of each kind of talk
    rows.loc[rows["failed"], "value"] = np.nan
    broken = ResultTable(rows, table.provenance)
    shown = wide(broken, by)
    assert len(broken.failed) == 9
    assert shown.loc[shown["system"].str.startswith("b"), "failed"].astype(int).sum() == 9
    assert (shown.loc[~shown["system"].str.startswith("b"), "failed"] == "0").all()


def test_a_summary_of_some_metrics_is_a_part_of_the_whole(table):
    chosen = table.metrics[1::-1]
    whole, part = table.summary("talk"), table.summary("talk", chosen)
    assert list(part) == list(whole)
    assert all(list(cells) == chosen for cells in part.values())
    assert repr(part) == repr({key: {metric: cells[metric] for metric in chosen} for key, cells in whole.items()})


@pytest.mark.parametrize("by", ["ser", "rt60", "loudspeaker", "room.talkers", "ser=-3,3"])
@pytest.mark.parametrize("metric", ["erle", "pesq"])
def test_conditions_share_out_the_scenes(table, by, metric):
    parts = [intervals[metric].n for (_, system), intervals in table.summary(by).items() if system == "b"]
    assert sum(parts) == table.summary()["", "b"][metric].n > 0


def test_near_end_metrics_are_averaged_over_scenes_in_which_both_talk(table):
    by_talk = {talk: intervals for (talk, system), intervals in table.summary("talk").items() if system == "b"}
    assert by_talk["near_single"]["pesq"].n > 0
    assert table.summary()["", "b"]["pesq"].mean == by_talk["double"]["pesq"].mean


def test_an_unknown_condition_names_the_nearest(table):
    with pytest.raises(UnknownName, match="did you mean 'rt60'"):
        table.summary("rt6")


def test_a_condition_without_values_is_said_so(table):
    bare = ResultTable(table.rows.assign(rt60=np.nan), table.provenance)
    with pytest.raises(AecbenchError, match="no scene of this corpus has a rt60"):
        bare.summary("rt60")


def test_json_has_the_promised_shape(table):
    data = result_json(table)
    assert set(data) == {"corpus", "systems", "near_lost"}
    assert data["near_lost"]["b"] == {"lost": 0, "scenes": 2 * SCENES // 3}
    assert set(data["systems"]["b"]["erle"]) == {"mean", "median", "summary", "ci95", "n", "failed", "rank"}
    json.dumps(data, allow_nan=False)


def test_interval_covers_the_mean_of_a_gaussian_about_95_times_in_100():
    rng = np.random.default_rng(1)
    hits = sum(i.low <= 3 <= i.high for i in (interval(rng.normal(3, 1, 40)) for _ in range(200)))
    assert 180 <= hits <= 198


def test_an_interval_says_nothing_of_one_scene():
    assert interval([3.0])[:3] == (3.0, -np.inf, np.inf)
    assert cell("erle", interval([3.0])) == "3.00"


def test_holm_agrees_with_a_computation_by_hand():
    # sorted: 0.005 x 4 = 0.02, 0.01 x 3 = 0.03, 0.03 x 2 = 0.06, 0.04 x 1 = 0.04, raised to 0.06
    corrected, levels = zip(*holm([0.01, 0.04, 0.03, 0.005]), strict=True)
    assert corrected == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert levels == pytest.approx([0.05 / 3, 0.05 / 2, 0.05 / 2, 0.05 / 4])  # the third is the first that fails
    assert [one.p for one in holm([0.6, 0.9])] == [1.0, 1.0]


def test_star_and_interval_never_contradict_each_other(table):
    rng, crowd = np.random.default_rng(0), table.rows[table.rows["system"] == "a"]
    effects = dict(enumerate(rng.uniform(0, 1.5, 20)))
    rows = [
        crowd.assign(system=f"s{n}", value=crowd["value"] + rng.normal(x, 1, len(crowd))) for n, x in effects.items()
    ]
    many = ResultTable(pd.concat([crowd, *rows]), table.provenance)
    found = [x["erle"] for x in many.differences("a").values()]
    assert 3 <= sum(x.p < 0.05 for x in found) <= 17
    for one in found:
        assert (one.p < 0.05) == (not one.low <= 0 <= one.high)
        assert difference_cell("erle", one).endswith("*") == (one.p < 0.05)


def test_ranks_need_ten_clusters(table):
    few = ResultTable(table.rows[table.rows["scene"] < "made-up/test/000009"], table.provenance)
    talkers = ResultTable(table.rows.assign(**{"far.speaker": table.rows["scene"].str[-1]}), table.provenance)
    nine = ResultTable(talkers.rows.replace({"far.speaker": "9"}, "8"), table.provenance)
    assert {ranks["erle"] for ranks in few.ranks().values()} == {None}
    assert {ranks["erle"] for ranks in talkers.ranks().values()} == {1, 2}
    assert {ranks["erle"] for ranks in nine.ranks().values()} == {None}


def test_the_oracle_has_a_row_and_no_rank(table):
    told = table.rows[table.rows["system"] == "b"].assign(system="oracle", value=99.0)
    ranks = ResultTable(pd.concat([table.rows, told]), table.provenance).ranks()
    assert ranks["", "oracle"]["erle"] is None
    assert {system: found["erle"] for (_, system), found in ranks.items() if system != "oracle"} == {
        "b": 1,
        "a": 2,
        "c|_<": 2,
    }


def test_n_is_told_where_systems_have_other_scenes_or_conditions_share_them_out(table):
    holes = table.rows["value"].mask(
        (table.rows["metric"] == "erle") & (table.rows["system"] == "a") & (table.rows["ser"] > 0)
    )
    uneven = ResultTable(table.rows.assign(value=holes), table.provenance)
    counts = {row[0]: row[1] for row in parsed("md", FORMATS["md"](uneven, (), None))[1:]}
    assert f"n={2 * SCENES // 3}" in counts["b"]
    assert "n=" in counts["a"]
    assert "n=" not in FORMATS["md"](table, (), None)
    assert FORMATS["md"](table, ("talk",), None).count("n=") == 3 * 4


def test_a_difference_that_scenes_share_is_found_though_scenes_differ_by_more(table):
    plain = table.summary()
    assert plain["", "a"]["erle"].high > plain["", "b"]["erle"].low  # the intervals overlap
    found = table.differences("a")
    assert found["", "b"]["erle"].low > 1.5
    assert found["", "b"]["erle"].p < 1e-4
    assert found["", "c|_<"]["erle"].low < 0 < found["", "c|_<"]["erle"].high


def test_systems_that_do_not_differ_give_small_p_values_as_often_as_they_say():
    rng = np.random.default_rng(0)
    p = [difference(rng.normal(size=30), rng.normal(size=30)).p for _ in range(400)]
    assert 8 <= sum(value < 0.05 for value in p) <= 34


def test_p_values_are_corrected_over_the_whole_table(table):
    def alone(metric, system):
        rows = table.rows[(table.rows["metric"] == metric) & table.rows["system"].isin(["a", system])]
        return ResultTable(rows, {}).differences("a")["", system][metric].p

    tests = [(metric, system) for system in ("b", "c|_<") for metric in ("erle", "pesq")]
    together = table.differences("a")
    assert [together["", system][metric].p for metric, system in tests] == [
        one.p for one in holm([alone(*test) for test in tests])
    ]


def test_ranks_are_shared_by_systems_that_cannot_be_told_apart(table):
    ranks = {system: ranks["erle"] for (_, system), ranks in table.ranks().items()}
    assert ranks == {"b": 1, "a": 2, "c|_<": 2}


def near_lost(table, share):
    """The table, in which b loses 10.1 dB of the near end in that share of the scenes it talks in."""
    talks = table.rows["near_loss"].notna() & (table.rows["system"] == "b")
    scenes = table.rows[talks]["scene"].unique()
    gone = talks & table.rows["scene"].isin(scenes[: round(share * len(scenes))])
    return ResultTable(table.rows.assign(near_loss=table.rows["near_loss"].mask(gone, 10.1)), table.provenance)


def test_a_tenth_of_the_scenes_without_near_end_is_allowed(table):
    lost = near_lost(table, 0.1)
    assert lost.lost()["", "b"] == (4, 40)
    assert not lost.destroyed
    assert lost.ranks() == table.ranks()
    assert "| 10.0 % |" in FORMATS["md"](lost, (), None)


def test_a_system_that_loses_the_near_end_in_more_scenes_comes_last(table):
    marked = near_lost(table, 0.125)
    assert marked.destroyed == {"b": (5, 40)}
    assert result_json(marked)["near_lost"]["b"] == {"lost": 5, "scenes": 40}
    assert {system: ranks["erle"] for (_, system), ranks in marked.ranks().items()} == {"a": 1, "c|_<": 1, "b": 3}
    assert "b †" in FORMATS["md"](marked, (), None)


def test_two_conditions_make_a_table_of_both(table):
    by = table.summary(["rt60", "talk"])
    assert list(dict.fromkeys(condition for condition, _ in by)) == [
        f"{rt60}, {talk}" for rt60 in (0.2, 0.4) for talk in ("double", "far_single", "near_single")
    ]
    assert sum(intervals["erle"].n for (_, system), intervals in by.items() if system == "a") == 2 * SCENES // 3


def test_numbers_are_binned_at_the_edges_that_are_given(table):
    scenes = table.rows.drop_duplicates("scene")
    counts = {condition: x["rtf"].n for (condition, system), x in table.summary("ser=-5,5").items() if system == "a"}
    inside = ((scenes["ser"] > -5) & (scenes["ser"] <= 5)).sum()
    assert list(counts) == ["≤ -5", "-5 … 5", "> 5"]
    assert counts["-5 … 5"] == inside


@pytest.mark.parametrize("by", ["ser=5,-5", "ser=low", "talk=1,2"])
def test_edges_that_are_none_are_refused(table, by):
    with pytest.raises(UsageError, match="--by"):
        table.summary(by)


def test_scenes_in_which_a_system_is_behind_are_those_with_the_largest_loss(table):
    found = table.behind("a", "b", "erle", 5)
    gaps = table.rows[table.rows["metric"] == "erle"].pivot(index="scene", columns="system", values="value")
    assert set(found["scene"]) == set((gaps["b"] - gaps["a"]).nlargest(5).index)
    assert (found["difference"] == found["a"] - found["b"]).all()
    assert table.behind("b", "a", "erle", 5).empty


def parsed(layout: str, text: str) -> list[list[str]]:
    """The first table in a text, heading and rows."""
    if layout == "md":
        lines = [line.replace("\\|", "¦").strip("| ").split(" | ") for line in text.split("\n\n")[0].splitlines()]
        return [[cell.replace("¦", "|") for cell in line] for line in lines if line[0] != "---"]
    if layout == "latex":
        lines = [line.removesuffix(r" \\") for line in text.split(r"\end{tabular}")[0].splitlines() if " & " in line]
        known = {r"\_": "_", r"\%": "%", r"$\pm$": "±", r"\textless ": "<", r"\textbar ": "|"}
        for written, meant in known.items():
            lines = [line.replace(written, meant) for line in lines]
        return [line.split(" & ") for line in lines]
    reader = Rows()
    reader.feed(text.split("</table>")[0])
    return reader.rows


class Rows(HTMLParser):
    def __init__(self):
        super().__init__()
        self.rows, self.inside = [], False

    def handle_starttag(self, tag, attributes):
        self.inside = tag in ("td", "th")
        if tag == "tr":
            self.rows.append([])
        elif self.inside:
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        self.inside = False

    def handle_data(self, data):
        if self.inside:
            self.rows[-1][-1] += data


@pytest.mark.parametrize("layout", ["md", "latex", "html"])
def test_tables_for_people_hold_the_same_cells_in_every_format(table, layout):
    heading, *rows = parsed(layout, FORMATS[layout](table, ("talk",), "a"))
    more = [] if layout == "latex" else ["RTF", "NE lost", "failed"]  # a paper has what was asked for
    assert heading == ["talk", "system", "ERLE [dB]", "PESQ [MOS-LQO]", *more]
    assert [row[:2] for row in rows] == [
        [talk, system] for talk in ("double", "far_single", "near_single") for system in ("a", "b", "c|_<")
    ]
    mean = table.summary("talk")["double", "b"]["erle"].mean
    if layout == "latex":
        assert rows[1][2].startswith(rf"$\mathbf{{{mean:.2f}}} \pm ")
    else:
        assert rows[1][2].startswith(f"{mean:.2f} ±")
        assert rows[1][2].endswith(" (1)")


def test_csv_gives_the_numbers_back(table):
    frame = pd.read_csv(io.StringIO(FORMATS["csv"](table, ("rt60", "talk"), "a")))
    row = frame[(frame["rt60"] == 0.4) & (frame["talk"] == "double") & (frame["system"] == "b")].set_index("metric")
    interval = table.summary(["rt60", "talk"])["0.4, double", "b"]["erle"]
    for name in ("mean", "median", "low", "high", "n", "failed"):
        assert row.loc["erle", name] == pytest.approx(getattr(interval, name))
    found = table.differences("a", ["rt60", "talk"])["0.4, double", "b"]["erle"]
    assert row.loc["erle", "difference_p"] == pytest.approx(found.p)


def test_json_gives_conditions_and_differences_back(table):
    data = json.loads(FORMATS["json"](table, ("talk",), "a"))
    assert data["systems"]["b"]["erle"]["difference"]["mean"] == pytest.approx(2, abs=0.3)
    assert "difference" not in data["systems"]["a"]["erle"]
    assert {line["talk"] for line in data["conditions"]} == {"double", "far_single", "near_single"}


def test_the_best_system_has_the_best_mean_and_competes(table):
    assert (table.best(), table.best("pesq")) == ("b", "b")
    told = table.rows[table.rows["system"] == "b"].assign(system="oracle", value=99.0)
    assert ResultTable(pd.concat([table.rows, told]), table.provenance).best("erle") == "b"
    assert near_lost(table, 0.5).best("erle") in ("a", "c|_<")
    lower = {"columns": {"erle": {"title": "E", "unit": "", "better": "lower"}}}
    assert ResultTable(table.rows, table.provenance | lower).best("erle") in ("a", "c|_<")


def test_the_best_by_a_metric_without_values_or_of_another_name_is_refused(table):
    with pytest.raises(UnknownName, match="did you mean 'erle'"):
        table.best("erl")
    rows = table.rows.assign(value=table.rows["value"].mask(table.rows["metric"] == "erle"))
    with pytest.raises(AecbenchError, match="no system has a value of erle; choose one of erle, pesq, rtf"):
        ResultTable(rows, table.provenance).best("erle")


def test_a_table_introduces_itself_in_one_line_and_in_a_notebook(table):
    assert repr(table) == (
        f"<ResultTable: a, b, c|_< by erle, pesq, rtf on {SCENES} scenes of corpus 000000000000, split test>"
    )
    page = Rows()
    page.feed(table._repr_html_())
    assert page.rows == parsed("html", FORMATS["html"](table, (), None))
    assert f"{SCENES} scenes" in table._repr_html_()


def test_a_plot_has_a_panel_per_metric_and_the_best_system_on_top(table):
    figure = table.plot()
    titles = [axis.get_title(loc="left") for axis in figure.axes if axis.axison]
    assert titles == ["ERLE [dB]", "PESQ [MOS-LQO]", "RTF"]
    first = figure.axes[0]
    assert first.get_yticklabels()[0].get_text() == "b"
    assert first.yaxis_inverted()


def test_a_plot_leaves_out_what_no_system_has_and_marks_a_perfect_output_that_is_far_off(table):
    rows = table.rows.assign(system=table.rows["system"].replace("b", "oracle"))
    rows.loc[rows["metric"] == "pesq", "value"] = np.nan
    rows.loc[(rows["metric"] == "erle") & (rows["system"] == "oracle"), "value"] = 1000.0
    systems = {"oracle" if name == "b" else name: facts for name, facts in table.provenance["systems"].items()}
    axes = [axis for axis in ResultTable(rows, table.provenance | {"systems": systems}).plot().axes if axis.axison]
    assert [axis.get_title(loc="left") for axis in axes] == ["ERLE [dB]", "RTF"]
    assert [line.get_marker() for line in axes[0].lines].count(">") == 1
    assert axes[0].get_xlim()[1] < 1000


@pytest.fixture(scope="module")
def rare(table):
    """Two systems that are equal in most scenes; "b" loses 30 dB of the near end in one of eight."""
    part = table.rows[(table.rows["metric"] == "erle") & table.rows["system"].isin(["a", "b"])].copy()
    number = part["scene"].str[-6:].astype(int)
    part["value"] = 1.0 + 0.1 * (number % 5) + np.where((part["system"] == "b") & (number % 8 == 0), 30.0, 0.0)
    part.loc[part["system"] == "b", "value"] += 1e-9  # what a sign test must not take for a difference
    return ResultTable(part.assign(metric="near_attenuation"), table.provenance)


def test_a_median_is_what_table_json_and_ranks_go_by(rare):
    cells = rare.summary()["", "b"]["near_attenuation"]
    assert (cells.summary, cells.value) == ("median", cells.median)
    assert cells.mean > cells.high
    assert f"{cells.median:.2f} ±" in str(rare)
    assert result_json(rare)["systems"]["b"]["near_attenuation"]["summary"] == "median"
    assert {found["near_attenuation"] for found in rare.ranks().values()} == {1}
    found = rare.differences("a")["", "b"]["near_attenuation"]
    assert (found.summary, found.value, found.low, found.high) == ("median", 0, 0, 0)
    assert found.mean > 3


def test_results_that_were_saved_as_means_stay_means(rare):
    told = {"title": "NE att.", "unit": "dB", "better": "lower", "near_end": False}
    old = ResultTable(rare.rows, rare.provenance | {"columns": {"near_attenuation": told}})
    cells = old.summary()["", "b"]["near_attenuation"]
    assert cells.value == cells.mean


def test_the_best_by_mean_rank_comes_first_and_the_oracle_last(table):
    told = table.rows[table.rows["system"] == "b"].assign(system="oracle", value=99.0)
    whole = ResultTable(pd.concat([told, table.rows]), table.provenance)
    found = standings(whole, ["erle", "pesq"])
    assert [(one.place, one.name) for one in found] == [(1, "b"), (2, "a"), (2, "c|_<"), (None, "oracle")]
    assert whole.in_order([one.name for one in found]).systems == ["b", "a", "c|_<", "oracle"]


def test_systems_that_share_a_place_are_in_the_order_of_their_scores(table):
    """Slightly better than "a" in every scene, and behind it by name."""
    twin = table.rows[table.rows["system"] == "a"]
    twin = twin.assign(system="z", value=twin["value"] + 0.001 * (-1) ** np.arange(len(twin)) + 0.0001)
    found = standings(ResultTable(pd.concat([table.rows, twin]), table.provenance), ["erle", "pesq"])
    places = {one.name: one.place for one in found}
    assert places["a"] == places["z"]
    names = [one.name for one in found]
    assert names.index("z") < names.index("a")


def test_without_ranks_no_system_has_a_place_and_the_order_is_by_mean_position(table):
    few = table.rows[table.rows["scene"].isin(table.rows["scene"].unique()[:6])]
    told = few[few["system"] == "b"].assign(system="oracle", value=99.0)
    none = few[few["system"] == "b"].assign(system="none", value=np.nan)
    part = ResultTable(pd.concat([told, none, few]), table.provenance)
    means = part.to_pandas().set_index(["metric", "system"])["mean"]
    positions = sum(means[metric].drop(["oracle", "none"]).rank(ascending=False) for metric in ("erle", "pesq"))
    found = standings(part, ["erle", "pesq"])
    assert {one.place for one in found} == {None}
    assert [one.name for one in found[-2:]] == ["none", "oracle"]
    assert [positions[one.name] for one in found[:-2]] == sorted(positions)
    assert found[0].name == "b"
    assert [one.name for one in standings(part, [RTF])][:3] == ["a", "b", "c|_<"]  # equal positions: by name


def test_without_ranks_a_system_that_loses_the_near_end_is_listed_behind(table):
    few = table.rows[table.rows["scene"].isin(table.rows["scene"].unique()[:6])]
    loud = few["system"] == "b"
    part = ResultTable(few.assign(near_loss=few["near_loss"].where(~loud, 99.0)), table.provenance)
    assert [one.name for one in standings(part, ["erle", "pesq"])][-1] == "b"


def test_the_picture_shows_the_median_that_the_interval_is_of(rare):
    panel = rare.plot().axes[0]
    dots = {line.get_xdata()[0] for line in panel.lines if line.get_marker() == "o"}
    cells = {system: found["near_attenuation"] for (_, system), found in rare.summary().items()}
    assert dots == {cell.median for cell in cells.values()}
