import csv
import dataclasses
import json
import re
from html.parser import HTMLParser

import pytest

from aecbench.errors import MissingExtra
from aecbench.leaderboard import BoardError, Published, open_board
from aecbench.leaderboard.readme import board_readme, boards_readme
from aecbench.leaderboard.site import CSP, build
from aecbench.leaderboard.site.charts import COLOURS, library
from aecbench.leaderboard.site.meanings import meanings
from aecbench.leaderboard.site.pages import HERE
from aecbench.leaderboard.task import board_scenes
from aecbench.leaderboard.text import csv_cell, hidden, link, markdown

VOID = {"meta", "link", "input", "img", "br", "hr"}


class Page(HTMLParser):
    """The tags of a page, and what is said in its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def pages(site):
    return {path.relative_to(site).as_posix(): Page(path.read_text()) for path in site.rglob("*.html")}


def test_pages_are_there_for_all_boards_each_board_and_each_system(pages):
    assert {"index.html", "toy-v1/index.html", "toy-v1/gallery.html", "toy-v1/systems/nlms.html"} <= pages.keys()
    assert all(page.open == [] for page in pages.values())


def test_each_link_to_a_scene_to_hear_says_which(site):
    text = (site / "toy-v1" / "gallery.html").read_text()
    links = re.findall(r'<a href="#scene-\d+">(.*?)</a>', text)
    assert len(set(links)) == len(links) > 1


def test_every_page_forbids_all_but_its_own_files(pages):
    for page in pages.values():
        policies = [tag["content"] for name, tag in page.tags if tag.get("http-equiv") == "Content-Security-Policy"]
        assert policies == [CSP]
    assert "unsafe" not in CSP
    assert CSP.startswith("default-src 'none'")


def test_pages_hold_no_script_or_style_but_in_files(pages):
    for page in pages.values():
        for name, tag in page.tags:
            assert name != "style"
            assert "style" not in tag
            assert not any(key.startswith("on") for key in tag)
            if name == "script":
                assert "src" in tag or tag["type"] == "application/json"


def test_links_lead_to_files_that_are_there(pages, site):
    from urllib.parse import unquote

    for place, page in pages.items():
        for _, tag in page.tags:
            for target in filter(None, (tag.get("href"), tag.get("src"))):
                path = unquote(target.partition("#")[0])
                assert not path or (site / place).parent.joinpath(path).is_file(), (place, target)


def test_attacks_in_texts_are_shown_as_text(pages):
    for page in pages.values():
        assert not any(tag.get("src") == "x" or "javascript:" in str(tag.get("href")) for _, tag in page.tags)
    board, (system,) = pages["toy-v1/index.html"], [p for name, p in pages.items() if "<img" in name]
    assert "</script><script>hacked=1</script><img src=x onerror=hacked=1>" in board.text
    assert "{{ 7 * 7 }}" in system.text
    assert "\ufffdgpj.exe <img" in system.text
    assert not any(hidden(c) for page in (board, system) for c in page.text if c != "\n")


def test_attacks_in_data_do_not_end_its_script(site):
    text = (site / "toy-v1" / "index.html").read_text()
    for data in re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', text, re.DOTALL):
        json.loads(data)
        assert "<" not in data


def test_no_cell_of_the_table_for_spreadsheets_is_a_formula(site):
    with (site / "toy-v1" / "data" / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["authors"] for row in rows} == {"", "'=cmd()"}
    texts = [row[name] for row in rows for name in ("system", "title", "authors", "url", "metric", "command")]
    assert not any(text.startswith(("=", "+", "-", "@", "\t")) for text in texts)


def with_latency(board, samples, rate=16_000):
    """Return the board at `rate` Hz with another latency of nlms."""
    entry, rows = board.current["nlms"]
    system = entry.system.model_copy(update={"latency": samples})
    systems = board.systems | {"nlms": [Published(entry.model_copy(update={"system": system}), rows)]}
    return dataclasses.replace(board, systems=systems, rules=board.rules.model_copy(update={"rate": rate}))


@pytest.mark.parametrize(
    ("samples", "rate", "value", "text"),
    [(639, 16_000, "39.9375", "39.9"), (639, 48_000, "13.3125", "13.3"), (None, 16_000, "", "-")],
)
def test_tables_show_the_latency_in_milliseconds_at_the_rate_of_the_board(path, tmp_path, samples, rate, value, text):
    board = with_latency(open_board(path), samples, rate)
    head, _, *lines = [line.split(" | ") for line in board_readme(board).splitlines() if line.startswith("| ")][:4]
    (nlms,) = (line for line in lines if line[1].startswith("[nlms]"))
    assert nlms[head.index("Latency [ms]")] == text
    build([board], tmp_path / "site")
    page = (tmp_path / "site" / "toy-v1" / "index.html").read_text()
    row = page.partition('<tr data-system="nlms"')[2].partition("</tr>")[0]
    assert f'<td data-value="{value}">{text}</td>' in row
    with (tmp_path / "site" / "toy-v1" / "data" / "table.csv").open(newline="") as file:
        assert {row["latency_ms"] for row in csv.DictReader(file) if row["system"] == "nlms"} == {value}


def test_an_entry_that_does_not_say_its_latency_is_read_and_has_a_dash(path, forge):
    system = json.loads((path / "results" / "nlms.json").read_text())["system"]
    del system["latency"]
    forge(system=system)
    assert open_board(path).latency("nlms") is None


def test_provenance_is_one_click_from_every_number(pages, hostile):
    entry = hostile.current["nlms"].entry
    row = next(tag for name, tag in pages["toy-v1/index.html"].tags if tag.get("href") == "systems/nlms.html")
    text = pages[f"toy-v1/{row['href']}"].text
    for fact in (entry.corpus.id, entry.corpus.digest, entry.system.hash, entry.commit, entry.rows):
        assert fact in text
    assert "weights" in text


def test_pages_are_the_same_when_built_again(site, hostile, tmp_path):
    build([hostile], tmp_path / "again")
    for name in ("index.html", "toy-v1/systems/nlms.html", "toy-v1/data/table.csv", "assets/board.js"):
        again, before = (tmp_path / "again" / name).read_text(), (site / name).read_text()
        assert again == before.replace(' · <a href="../gallery.html">listen</a>', "")


def test_sounds_and_spectrograms_of_every_system_are_there(site):
    for scene in (site / "toy-v1" / "audio").iterdir():
        names = {"mic", "near", "out-nlms", "out-passthrough"}
        assert {path.name for path in scene.iterdir()} == {f"{n}.{kind}" for n in names for kind in ("flac", "png")}


def test_sounds_of_another_corpus_are_refused(path, corpus):
    board = open_board(path)
    other = board.rules.model_copy(update={"corpus": board.rules.corpus.model_copy(update={"digest": "0" * 64})})
    with pytest.raises(BoardError, match=r"aecbench simulate toy\.toml"):
        board_scenes(other, corpus)


def test_missing_library_of_charts_is_named_with_its_extra(path, tmp_path, monkeypatch):
    library.cache_clear()
    monkeypatch.setitem(__import__("sys").modules, "vl_convert", None)
    with pytest.raises(MissingExtra, match=r"aecbench\[board\]"):
        build([open_board(path)], tmp_path / "site")


@pytest.mark.parametrize(
    "text", ["javascript:alert(1)", "data:text/html,x", "//evil.org", "https://a\u202e", "https://a)b", " https://a"]
)
def test_only_plain_web_addresses_become_links(text):
    assert link(text) == ""


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@SUM(A1)", "\t=1", " =1"])
def test_formulas_are_disarmed(text):
    assert csv_cell(text).startswith("'")


def test_markdown_keeps_a_text_on_its_line_and_in_its_cell():
    shown = markdown("a\n| b `c` <d>")
    assert "\n" not in shown
    assert r"\| b \`c\` \<d\>" in shown


def test_a_board_of_an_older_corpus_says_so_on_its_page(path, tmp_path):
    board = open_board(path)
    older = dataclasses.replace(board, rules=board.rules.model_copy(update={"simulator": 1}))
    build([older], tmp_path)
    assert "its corpus is of version 1 of the simulator" in (tmp_path / "toy-v1" / "index.html").read_text()


def test_a_board_with_a_successor_is_listed_in_the_archive_and_links_to_it(path, tmp_path):
    board = open_board(path)
    older = dataclasses.replace(board, rules=board.rules.model_copy(update={"name": "toy-v0", "successor": "toy-v1"}))
    build([older, board], tmp_path)
    current, archive = (tmp_path / "index.html").read_text().split("<h2>Archive</h2>")
    assert "toy-v1/index.html" in current
    assert "toy-v0/index.html" not in current
    assert "toy-v0/index.html" in archive
    assert '<a href="../toy-v1/index.html">' in (tmp_path / "toy-v0" / "index.html").read_text()
    current, archive = boards_readme([older, board]).split("## Archive")
    assert "(toy-v1/README.md)" in current
    assert "(toy-v0/README.md)" in archive
    assert "[toy-v1](../toy-v1/README.md)" in board_readme(older)


def luminance(colour):
    """Return the relative luminance of "#rrggbb" (WCAG 2.2)."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_colours_can_be_seen_on_the_light_and_on_the_dark_page():
    style = (HERE / "assets" / "style.css").read_text()
    looks = [
        dict(re.findall(r"--(\w+): (#\w{6})", block)) for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    ]
    assert len(looks) == 2
    for look in looks:
        for text in ("ink", "grey", "accent"):
            assert min(contrast(look[text], look["back"]), contrast(look[text], look["card"])) >= 4.5
        assert {
            colour: contrast(colour, look["back"]) for colour in COLOURS if contrast(colour, look["back"]) < 3
        } == {}


def test_columns_and_conditions_are_explained_in_words(pages, path):
    board = open_board(path)
    known, text = meanings(board), pages["toy-v1/index.html"].text
    assert {*board.rules.metrics, *board.conditions} == known.keys()
    for title, sentence in known.values():
        assert title in text
        assert sentence in text
        assert sentence.endswith(".")
    assert known["near_attenuation"][1].endswith("Lower is better.")


def test_an_older_version_of_a_metric_has_the_words_of_what_it_computes(path):
    board = open_board(path)
    erle = board.rules.metrics["erle"].model_copy(update={"version": 1})
    older = dataclasses.replace(board, rules=board.rules.model_copy(update={"metrics": {"erle": erle}}))
    assert "without an upper limit" in meanings(older)["erle"][1]


def test_the_front_page_names_each_board_and_says_what_a_canceller_does(pages):
    assert "toy-v1" in pages["index.html"].text
    assert "removes from the microphone what the loudspeaker plays" in pages["index.html"].text
