"""The report as people see it: in a browser, light and dark, wide and narrow, with and without a mouse."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from typer.testing import CliRunner

from worker.cli.main import app

EXAMPLES = Path(__file__).parents[2] / "examples"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("report")
    log, file = folder / "log.ndjson", folder / "report.html"
    then = shutil.copytree(EXAMPLES / "definitions", folder / "then") / "passkeys.yaml"
    then.write_text(then.read_text().replace("weight: 50,", "weight: 30,").replace("weight: 25,", "weight: 35,"))
    simulated = ["simulate", "--events", "3000", "--people", "400", "--malformed", "0.02", "--out", str(log)]
    replayed = ["replay", str(log), "--config", str(EXAMPLES / "worker.toml"), "--dry-run", "--report", str(file)]
    for command in (simulated, [*replayed, "--compare", str(folder / "then")]):
        assert CliRunner().invoke(app, command).exit_code == 0
    return file.as_uri()


@pytest.fixture(scope="module")
def browser(report: str) -> Iterator[Browser]:  # whose loop runs from here on, so the report is made before
    assert report
    with sync_playwright() as started:
        chromium = started.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Browser, report: str) -> Iterator[Page]:
    context = browser.new_context(color_scheme=request.param, viewport={"width": 1100, "height": 900})
    opened = context.new_page()
    opened.goto(report)
    yield opened
    context.close()


def test_it_needs_nothing_and_complains_of_nothing(browser: Browser, report: str) -> None:
    asked: list[str] = []
    said: list[str] = []
    context = browser.new_context()
    opened = context.new_page()
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.goto(report, wait_until="networkidle")
    context.close()
    assert (asked, said) == ([report], [])


def test_axe_finds_nothing(page: Page) -> None:
    for details in page.locator("details").all():
        details.evaluate("element => { element.open = true }")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_no_width_needs_to_scroll_sideways(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_numbers_of_a_chart_open_with_the_keyboard(page: Page) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
    page.keyboard.press("Enter")
    assert page.locator("details[open] table").first.is_visible()


def test_headings_tell_the_story_in_order(page: Page) -> None:
    levels = [int(each.evaluate("element => element.tagName")[1]) for each in page.locator("h1, h2, h3").all()]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    titles = page.locator("h2").all_inner_texts()
    assert titles[0] == "Under the other definitions"
    assert titles[1].startswith("exp_onboarding_by_segment")
    assert titles[-1] == "Where the time went"


def test_each_picture_says_what_it_shows(page: Page) -> None:
    names = [picture.get_attribute("aria-label") or "" for picture in page.locator("svg[role=img]").all()]
    assert any(name.startswith("observed ") and "expected " in name for name in names)
    assert any(name.startswith("Exposures by ") for name in names)
