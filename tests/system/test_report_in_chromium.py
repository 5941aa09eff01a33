"""The report in a real browser: opened from a file, without a network."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from farm.report.collect import Subject
from farm.report.html.datasets import Evidence
from farm.report.html.page import render
from farm.store.database import Stored
from farm.store.frames import FrameTimes
from farm.store.record import Record
from farm.verdict.criteria import Limits, judge
from power.block import Block

CHROMIUM = Path("/usr/bin/chromium")
ZERO_NS = 5_000_000_000_000
SERIOUS = ("error", "warning")
HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"

if not CHROMIUM.exists():
    pytest.skip(f"{CHROMIUM} is not installed: apt-get install chromium", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A page of three trials, one of which a hostile board has named."""
    record = Record.model_validate(
        json.loads((Path(__file__).parent / "record.json").read_text(encoding="utf-8")) | {"lab": "demo"}
    )
    names = ["zero-01", HOSTILE, "zero-03"]
    records = [
        record.model_copy(update={"id": f"{n:016x}", "board": record.board.model_copy(update={"name": name})})
        for n, name in enumerate(names)
    ]
    trials = [Stored(one, judge(one, Limits(max_p99_ms=50 if n else 1))) for n, one in enumerate(records)]
    n = 1000
    t_ns = ZERO_NS - 2_000_000_000 + np.arange(n) * 10_000_000
    trace = Block(t_ns, np.full(n, 5.0), 1 + np.sin(np.arange(n) / 20) / 10, np.zeros(n, np.uint8))
    due = ZERO_NS + np.arange(100) * 50_000_000
    took = np.where(np.arange(100) == 40, 90_000_000, 5_000_000)
    frames = FrameTimes(due, due + took, {"infer": took}, np.arange(100), np.zeros(100, np.int64))
    console = b"\x1b[31mboot\x1b[0m " + HOSTILE.encode()

    def evidence(one: Stored) -> Evidence:
        return Evidence(one.record, {"um25c-1": trace}, frames, console)

    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(Subject(None, None, trials, []), evidence), encoding="utf-8")
    return path


@pytest.fixture
def opened(browser, report):
    """``opened(width=1200, color_scheme="dark")``: the page, drawn; whatever it asks for or complains of fails."""
    contexts, asked, said = [], [], []

    def make(*, width=1200, **how):
        context = browser.new_context(viewport={"width": width, "height": 900}, offline=True, **how)
        contexts.append(context)
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        page.set_default_timeout(30_000)
        page.on("console", lambda message: said.append(message.text) if message.type in SERIOUS else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(report.as_uri())
        if how.get("java_script_enabled", True):
            page.locator(".plot.time .canvas").first.scroll_into_view_if_needed()
            page.locator(".plot.time .canvas svg").first.wait_for()
            page.evaluate("scrollTo(0, 0)")
        return page

    yield make
    for context in contexts:
        context.close()
    assert {url for url in asked if url != report.as_uri()} == set()
    assert said == []


def domain(box):
    return tuple(float(box.get_attribute(f"data-{end}")) for end in ("from", "to"))


def settled(page, box, change):
    """Return the time axis after something that changes it."""
    before = [box.get_attribute(f"data-{end}") for end in ("from", "to")]
    change()
    moved = "([box, from, to]) => box.dataset.from !== from || box.dataset.to !== to"
    page.wait_for_function(moved, arg=[box.element_handle(), *before])
    return domain(box)


def test_it_opens_offline_with_all_plots_and_no_complaint(opened):
    page = opened()
    assert page.title().startswith("regression")
    for box in page.locator(".canvas").all():
        box.scroll_into_view_if_needed()
        box.locator("svg").wait_for()
    assert page.locator(".canvas svg").count() == page.locator(".canvas").count() == 3 * 4
    marks = page.locator(".plot.time .canvas").first.locator("svg path, svg rect").count()
    assert marks > 100  # frames, curve, axes


def test_the_time_axis_zooms_and_moves_by_wheel_drag_keys_and_buttons(opened):
    page = opened()
    box = page.locator(".plot.time .canvas").first
    box.scroll_into_view_if_needed()
    whole = domain(box)
    assert whole[0] < -2
    assert whole[1] > 7

    box.focus()
    nearer = settled(page, box, lambda: page.keyboard.press("+"))
    assert nearer[1] - nearer[0] == pytest.approx((whole[1] - whole[0]) / 1.5, rel=0.01)
    later = settled(page, box, lambda: page.keyboard.press("ArrowRight"))
    assert later[0] > nearer[0]
    assert settled(page, box, lambda: page.keyboard.press("0")) == whole

    place = box.bounding_box()
    page.mouse.move(place["x"] + place["width"] / 2, place["y"] + 150)
    wheeled = settled(page, box, lambda: page.mouse.wheel(0, -240))
    assert wheeled[1] - wheeled[0] < whole[1] - whole[0]

    def drag():
        page.mouse.down()
        page.mouse.move(place["x"] + place["width"] / 2 + 120, place["y"] + 150, steps=5)
        page.mouse.up()

    dragged = settled(page, box, drag)
    assert dragged[0] < wheeled[0]
    tools = page.get_by_role("toolbar", name="Time axis of zero-01")
    assert settled(page, box, tools.get_by_role("button", name="reset").click) == whole
    assert settled(page, box, tools.get_by_role("button", name="zoom in").click) == pytest.approx(nearer, abs=0.01)


def test_the_wheel_scrolls_the_page_until_the_plot_has_the_focus(opened):
    page = opened()
    box = page.locator(".plot.time .canvas").first
    box.scroll_into_view_if_needed()
    whole, place = domain(box), box.bounding_box()
    page.mouse.move(place["x"] + place["width"] / 2, place["y"] + 150)
    at = page.evaluate("scrollY")
    page.mouse.wheel(0, 200)
    page.wait_for_function("at => scrollY > at", arg=at)
    assert domain(box) == whole


@pytest.mark.parametrize("width", [360, 768, 1200])
def test_the_page_is_never_wider_than_the_screen(opened, width):
    page = opened(width=width)
    for box in page.locator(".canvas").all():
        box.scroll_into_view_if_needed()
        box.locator("svg").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    for details in page.locator("details").all():
        details.evaluate("one => one.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    widest = page.evaluate(
        "Math.max(...[...document.querySelectorAll('.canvas')].map(b => b.scrollWidth - b.clientWidth))"
    )
    assert widest <= 1


def test_a_turned_phone_gets_plots_of_its_new_width(opened):
    page = opened(width=360)
    svg = page.locator(".plot.time .canvas svg").first
    narrow = svg.bounding_box()["width"]
    page.set_viewport_size({"width": 780, "height": 360})
    page.wait_for_function(
        "w => document.querySelector('.plot.time svg').getBoundingClientRect().width > w + 200", arg=narrow
    )


def _luminance(colour):
    channels = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


_COLOURS = """
() => [...document.querySelectorAll("h1,h2,h3,p,td,th,dt,dd,summary,a,button,.badge,.soft,pre,caption")].map((one) => {
  let back = one;
  while (back.parentElement && getComputedStyle(back).backgroundColor === "rgba(0, 0, 0, 0)") back = back.parentElement;
  return [one.tagName + "." + one.className, getComputedStyle(one).color, getComputedStyle(back).backgroundColor];
})
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_keeps_its_contrast_in_light_and_dark(opened, scheme):
    page = opened(color_scheme=scheme)
    found = page.evaluate(_COLOURS)
    assert len(found) > 100
    for what, ink, paper in found:
        light, dark = sorted((_luminance(ink), _luminance(paper)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, f"{what}: {ink} on {paper}"
    page_colour = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert (_luminance(page_colour) > 0.5) == (scheme == "light")
    plot = page.locator(".plot.time svg rect, .plot.time svg path.background").first
    assert plot.count() == 1


def test_a_change_to_dark_redraws_the_plots(opened):
    page = opened(color_scheme="light")
    before = page.locator(".plot.time .canvas").first.inner_html()
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("old => document.querySelector('.plot.time .canvas').innerHTML !== old", arg=before)
    assert "#56b4e9" in page.locator(".plot.time .canvas").first.inner_html()


def test_a_screen_reader_finds_its_way(opened):
    page = opened()
    for role in ("banner", "main", "contentinfo"):
        assert page.get_by_role(role).count() == 1
    assert page.get_by_role("heading", level=1).inner_text().endswith("Regression")
    assert page.get_by_role("heading", level=3).count() == 3
    tree = page.locator("main").aria_snapshot()
    assert 'region "Boards and variants, a line for each trial"' in tree
    assert 'group "Watts over time, with frames, boot and faults of zero-01. um25c-1: mean 1.200 ± 0.020 W' in tree
    assert "graphics" not in tree  # what is drawn is told in words, not mark by mark
    unnamed = [line for line in tree.splitlines() if re.search(r"- (button|link|region|group|toolbar|img)\s*:?$", line)]
    assert unnamed == []
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the results")
    assert skip.evaluate("one => one === document.activeElement")
    assert skip.bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.locator("main").evaluate("one => one === document.activeElement")


def test_focus_can_be_seen(opened):
    page = opened()
    box = page.locator(".plot.time .canvas").first
    page.get_by_role("button", name="reset").first.focus()
    page.keyboard.press("Tab")
    assert box.evaluate("one => one === document.activeElement")
    assert box.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"


def test_names_and_logs_of_a_hostile_board_run_nothing(opened):
    page = opened()
    for details in page.locator("details").all():
        details.evaluate("one => one.open = true")
    assert page.evaluate("window.hacked") is None
    assert page.locator("img").count() == 0
    assert "window.hacked" in page.locator("pre").nth(1).inner_text()


def test_times_are_the_readers_with_utc_beside(opened):
    page = opened(timezone_id="Asia/Tokyo", locale="en-GB")
    time = page.locator("time").first
    assert time.get_attribute("title") == "2026-01-02 03:04:05 UTC"
    assert "12:04:05" in time.inner_text()


def test_without_javascript_every_figure_is_there(opened):
    page = opened(java_script_enabled=False)
    text = page.locator("body").inner_text()
    assert "The plots need JavaScript" in text
    for figure in ("1.200 ± 0.020", "9.0", "2026-01-02 03:04:05 UTC", "p99_ms"):
        assert figure in text
    assert page.get_by_role("toolbar").count() == 0


def test_print_shows_light_plots_and_no_tools(opened, tmp_path):
    page = opened(color_scheme="dark")
    page.emulate_media(media="print")
    assert page.locator(".tools").first.is_hidden()
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
    assert page.pdf(path=tmp_path / "report.pdf").startswith(b"%PDF")
