"""The pages in a real browser: Debian's chromium, driven by Playwright."""

import json
import os
import shutil
import time
from statistics import fmean, median

import pytest

from aecbench.leaderboard.site.scores import condition_labels

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium; apt-get install chromium")
PATIENCE = 30_000  # ms: machines of CI are busy
SHIFTS = """
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) window.shifted = (window.shifted || 0) + entry.value;
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture(scope="module")
def browser():
    arguments = ["--autoplay-policy=no-user-gesture-required"] + (["--no-sandbox"] if os.geteuid() == 0 else [])
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield opened
        opened.close()


def visit(browser, path, **look):
    """A page, with what went wrong on it."""
    page = browser.new_context(**look).new_page()
    page.set_default_timeout(PATIENCE)
    page.wrong = []
    page.on("console", lambda message: page.wrong.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    page.on("dialog", lambda dialog: page.wrong.append(dialog.message) or dialog.dismiss())
    page.on("request", lambda request: None if request.url.startswith("file://") else page.wrong.append(request.url))
    page.add_init_script(SHIFTS)
    page.goto(path.as_uri())
    return page


def wait(page, expression):
    """Until an expression is true. (Playwright's own way needs eval, which the pages forbid.)"""
    end = time.monotonic() + PATIENCE / 1000
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never true: {expression}"
        page.wait_for_timeout(50)


@pytest.fixture(scope="module")
def opened(browser, site):
    page = visit(browser, site / "toy-v1" / "index.html", viewport={"width": 1280, "height": 900})
    page.wait_for_selector("body[data-ready]")
    return page


@pytest.fixture
def page(opened):
    opened.click("#reset")
    opened.click("th:first-child button")
    return opened


def systems(page):
    return page.eval_on_selector_all("#board tbody tr:not([hidden])", "rows => rows.map((row) => row.dataset.system)")


def test_page_stays_still_and_asks_for_nothing_and_has_no_errors(opened):
    assert opened.wrong == []
    assert opened.evaluate("window.shifted || 0") < 0.01
    assert opened.evaluate("window.hacked") is None
    assert opened.locator(".chart svg").count() == opened.locator(".chart").count() >= 2


@pytest.mark.parametrize(
    ("width", "scheme", "back"), [(390, "dark", "rgb(15, 20, 25)"), (1280, "light", "rgb(255, 255, 255)")]
)
def test_page_fits_the_screen_in_its_light(browser, site, tmp_path, width, scheme, back):
    page = visit(browser, site / "toy-v1" / "index.html", viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.wait_for_selector("body[data-ready]")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == back
    ink = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--ink').trim()")
    fills = page.locator("#cost text").evaluate_all("texts => texts.map((text) => text.getAttribute('fill'))")
    assert set(fills) == {ink}  # labels, names, and the metric above
    picture = tmp_path / "page.png"
    page.screenshot(path=picture, full_page=True)
    assert picture.stat().st_size > 10_000
    assert page.wrong == []
    page.context.close()


def test_click_and_key_sort_by_a_column(page, hostile):
    value = {name: found.entry.means["erle"].mean for name, found in hostile.current.items()}
    best = sorted(value, key=lambda name: -value[name])
    button = page.get_by_role("button", name="ERLE [dB]", exact=True)
    button.click()
    assert systems(page) == best
    button.press("Enter")
    assert systems(page) == best[::-1]
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("ERLE")


def test_words_about_a_column_are_in_its_tooltip_and_open_by_key(page):
    about = page.locator("th[title]", has_text="NE att.").get_attribute("title")
    assert about.endswith("Lower is better.")
    words = page.get_by_text(about, exact=True)
    assert not words.is_visible()
    page.locator("summary").press("Enter")
    assert words.is_visible()
    page.locator("summary").press("Enter")


def test_systems_are_sorted_by_latency(page, hostile):
    page.get_by_role("button", name="Latency [ms]", exact=True).click()
    shown = systems(page)
    assert shown == sorted(shown, key=hostile.latency)
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("Latency")


def test_search_leaves_what_it_finds_in_table_and_chart(page):
    page.fill("#search", "time DOMAIN nlms")
    assert systems(page) == ["nlms"]
    wait(page, "document.querySelectorAll('#cost .mark-text.role-mark text').length === 1")
    page.fill("#search", "")
    assert len(systems(page)) == 3


@pytest.mark.parametrize(("metric", "summary"), [("erle_true", fmean), ("near_attenuation", median)])
def test_filter_summarises_the_scenes_that_are_left(page, hostile, metric, summary):
    before = page.inner_text("#board tbody")
    page.select_option("select[data-condition=ser]", index=1)
    label = page.eval_on_selector("select[data-condition=ser]", "select => select.selectedOptions[0].label")
    labels, bins = condition_labels(hostile, "ser")
    scenes = [scene for scene, n in bins.items() if labels[n] == label]
    rows = hostile.current["nlms"].rows
    kept = rows[(rows["metric"] == metric) & rows["scene"].isin(scenes)]["value"].dropna()
    shown = page.inner_text(f"tr[data-system=nlms] td[data-metric={metric}]")
    assert shown.partition(" ±")[0] == (f"{summary(kept):.2f}" if len(kept) else "-")
    assert ("±" in shown) == (metric == "erle_true" and len(kept) > 1)  # a median of less than eight scenes has none
    assert page.inner_text("#status").startswith(f"{len(scenes)} of 6 scenes")
    page.click("#reset")
    assert page.inner_text("#board tbody") == before


def test_chart_says_what_is_under_the_pointer_and_follows_the_metric(page):
    first = page.locator("#cost .mark-symbol.role-mark path").first
    first.hover()
    page.wait_for_selector("#tip:not([hidden])")
    assert "RTF: 0." in page.inner_text("#tip")
    said = "[...document.querySelectorAll('#cost .mark-symbol.role-mark path')].map((path) => path.ariaLabel).join()"
    before = page.evaluate(said)
    page.select_option("#metric", "si_sdr")
    wait(page, f"{said} !== {json.dumps(before)}")
    assert page.wrong == []


def test_sounds_play(browser, site):
    page = visit(browser, site / "toy-v1" / "gallery.html")
    sound = page.locator("audio").first
    sound.evaluate("async (audio) => { await audio.play(); }")
    wait(page, "document.querySelector('audio').currentTime > 0.05")
    assert 2.9 < sound.evaluate("audio => audio.duration") < 3.1
    assert page.locator("img").first.evaluate("async (img) => { await img.decode(); return img.naturalWidth; }") == 625
    assert page.wrong == []
    page.context.close()


def test_page_of_a_hostile_system_is_a_page_like_any_other(opened, site, browser):
    link = opened.locator("tr[data-system*=onerror] a")
    page = visit(browser, site / "toy-v1" / "index.html")
    page.goto(link.evaluate("a => a.href"))
    assert page.locator("h1").inner_text().endswith("<img src=x onerror=hacked=1>")
    assert page.evaluate("window.hacked") is None
    assert page.locator("a[href^=javascript]").count() == 0
    assert page.wrong == []
    page.context.close()
