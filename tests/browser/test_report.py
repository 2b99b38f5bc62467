"""The report in a browser: alone, on a phone, in the dark, by keyboard and for those who hear it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request

Open = Callable[..., Page]
DESKTOP, PHONE = 1280, 360


@pytest.fixture
def opened(browser: Browser, report: Path) -> Iterator[Open]:
    """Open the report in a window of that width; console messages and requests are kept with the page."""
    contexts = []

    def open_report(width: int = DESKTOP, scheme: Literal["light", "dark"] = "light", **options: Any) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, **options)
        contexts.append(context)
        page = context.new_page()
        page.goto(report.as_uri())
        return page

    yield open_report
    for context in contexts:
        context.close()


def violations(page: Page) -> list[tuple[str, str]]:
    found: Any = Axe().run(page)
    return [(each["id"], node["html"][:120]) for each in found.response["violations"] for node in each["nodes"]]


def unfold(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")


def test_it_asks_for_nothing_and_complains_of_nothing(browser: Browser, report: Path) -> None:
    page = browser.new_page()
    requests: list[Request] = []
    complaints: list[str] = []
    page.on("request", lambda request: requests.append(request))  # noqa: PLW0108 - it can't take built-in functions
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.route("**/*", lambda route: route.continue_() if route.request.url == report.as_uri() else route.abort())
    page.goto(report.as_uri(), wait_until="networkidle")
    page.close()
    assert [request.url for request in requests if not request.url.startswith("data:")] == [report.as_uri()]
    assert complaints == []


def test_its_policy_would_stop_a_request_and_a_script(opened: Open) -> None:
    page = opened()
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=\"https://127.0.0.1:1/x\">')")
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'}))")
    assert page.evaluate("window.ran") is None
    assert page.evaluate("[...document.images].every(image => image.naturalWidth === 0)")


@pytest.mark.parametrize("width", [DESKTOP, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(opened: Open, scheme: Literal["light", "dark"], width: int) -> None:
    page = opened(width, scheme)
    unfold(page)
    assert violations(page) == []


def test_axe_would_find_something(opened: Open) -> None:
    page = opened()
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<svg role=\"img\"></svg>')")
    assert [id_ for id_, _ in violations(page)] == ["svg-img-alt"]


@pytest.mark.parametrize("width", [320, PHONE, 768])
def test_nothing_is_wider_than_the_window(opened: Open, width: int) -> None:
    page = opened(width)
    unfold(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    beyond = "each => each.getBoundingClientRect().right > innerWidth + 1 && !each.closest('.scrolled, .unseen, .skip')"
    assert page.evaluate(f"[...document.body.querySelectorAll('*')].filter({beyond}).map(each => each.outerHTML)") == []


@pytest.mark.parametrize("kind", ["large", "small"])
def test_rows_are_cards_on_a_phone_and_rows_on_a_desk(opened: Open, kind: str) -> None:
    page = opened(DESKTOP if kind == "large" else PHONE)
    display = page.evaluate("getComputedStyle(document.querySelector('.stacked tbody tr')).display")
    assert display == ("table-row" if kind == "large" else "block")


def test_dark_is_dark_and_light_is_light(opened: Open) -> None:
    colours = [
        opened(scheme=scheme).evaluate("getComputedStyle(document.documentElement).backgroundColor")
        for scheme in ("light", "dark")
    ]
    light, dark = (sum(map(int, colour[4:-1].split(","))) for colour in colours)
    assert light > 700
    assert dark < 100


def test_the_keyboard_reaches_every_link_fold_and_region(opened: Open) -> None:
    page = opened()
    unfold(page)
    wanted = page.evaluate("document.querySelectorAll('a[href], summary, [tabindex=\"0\"]').length")
    reached = set()
    for _ in range(wanted):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("[...document.querySelectorAll('*')].indexOf(document.activeElement)"))
    assert len(reached) == wanted > 8


def test_the_first_stop_leads_to_the_figures_and_is_seen(opened: Open) -> None:
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"


def test_a_fold_opens_by_keyboard_and_shows_the_numbers(opened: Open) -> None:
    page = opened()
    page.focus("details summary")
    page.keyboard.press("Enter")
    assert page.locator("details[open] table").first.is_visible()


def test_charts_and_tables_have_names_for_those_who_hear_them(opened: Open) -> None:
    page = opened()
    heard = page.locator("main").aria_snapshot()
    assert 'img "Exposures' in heard
    assert 'table "Who would get what"' in heard
    assert 'img "observed' in heard


def test_a_chart_draws_a_line_for_each_variation(opened: Open) -> None:
    page = opened()
    figure = page.locator("figure").first
    assert figure.locator(".plot path").count() == figure.locator(".legend li").count() == 3
    assert page.evaluate("[...document.querySelectorAll('.plot path')].every(path => path.getTotalLength() > 50)")


def test_it_prints_without_what_only_a_screen_needs(opened: Open) -> None:
    page = opened(PHONE)
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    assert page.locator("figure").first.is_visible()
    assert len(page.pdf(format="A4")) > 10_000
