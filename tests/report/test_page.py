from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from tests.definitions_documents import percentage_set, segment_set
from tests.pipelines import snapshot_of
from tests.report.replayed import PHONE, decide, halves, login
from worker.experiments.split import shard
from worker.report.charts import Line, nice_top, over_time
from worker.report.collect import Collector
from worker.report.page import Page, render
from worker.report.timeline import Series
from worker.summary import Summary

PEOPLE = [login(number) for number in range(60)]
MANY = [login(number) for number in range(1500)]


async def page(
    document: dict[str, Any], *events: dict[str, Any] | bytes, logs: tuple[str, ...] = ("log.ndjson",), **more: Any
) -> str:
    snapshot = snapshot_of(document)
    collector, summary = Collector(snapshot), Summary(snapshot)
    decided = await decide(snapshot, events)
    collector.add(*decided)
    summary.add(decided[1])
    return render(
        Page(logs, {**summary.document([], 1.0), **more}, collector.facts(), {"decode": 0.5, "write": 0.1}, {})
    )


class Outline(HTMLParser):
    """What a page is made of: tags in their order, and the words."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += f" {data}"


async def test_the_page_says_how_an_experiment_split() -> None:
    words = Outline(await page(halves(), *PEOPLE)).words
    for said in ("exp_a", "var_control", "50.0%", "The split is as meant.", "Exposures per day, UTC"):
        assert said in words


async def test_few_subjects_are_said_to_be_few() -> None:
    assert "Too few to tell: 2 first assignments" in Outline(await page(halves(), *PEOPLE[:2])).words


async def test_a_mismatch_is_the_first_thing_said() -> None:
    biased = [
        each for number, each in enumerate(MANY) if number % 5 or shard(f"assignment-auth0|{number}-exp_a") < 5000
    ]
    words = Outline(await page(halves(), *biased)).words
    assert "Sample-ratio mismatch in  exp_a : see its split below." in words
    assert "Don't compare the variations before the cause is found" in words
    assert "No sample-ratio mismatch." not in words


@pytest.mark.parametrize(
    ("document", "people", "said"),
    [
        (halves(), 60, {"No sample-ratio mismatch."}),
        (halves(), 3, {"Too few first assignments to check every split."}),
        (segment_set(), 60, set()),
    ],
)
async def test_the_splits_are_summed_up(document: dict[str, Any], people: int, said: set[str]) -> None:
    words = Outline(await page(document, *PEOPLE[:people])).words
    every = {"No sample-ratio mismatch.", "Too few first assignments to check every split."}
    assert {sentence for sentence in every if sentence in words} == said


async def test_segments_and_the_ramp_have_their_counts() -> None:
    phone = login(1, request={"user_agent": PHONE})
    assert "no segment holds (fallback)" in Outline(await page(segment_set(), phone, login(2))).words
    assert "Level 0%: 0 subjects in, 60 out (0.0% in)." in Outline(await page(halves(current_level=0), *PEOPLE)).words


async def test_a_log_without_events_makes_a_page() -> None:
    words = Outline(await page(halves())).words
    assert "No dead letters." in words
    assert "Too few to tell: 0 first assignments" in words


async def test_without_experiments_it_says_so() -> None:
    words = Outline(await page(percentage_set(status="draft"), login(1))).words
    assert "No experiment is active or paused in these definitions." in words


async def test_events_of_all_the_calendars_time_make_a_page() -> None:
    ends = [{**login(1), "time": "0001-01-01T00:00:00Z"}, {**login(2), "time": "9999-12-31T23:59:59Z"}]
    assert "Events from 0001-01-01 00:00 to 9999-12-31 23:59 UTC" in Outline(await page(halves(), *ends)).words


async def test_names_are_shown_as_text() -> None:
    evil = "<script>alert(1)</script>"
    found = await page(percentage_set(id=evil), login(1), b"nonsense", logs=(evil,))
    assert evil not in found
    assert "&lt;script&gt;" in found


async def test_a_kind_of_skip_is_whatever_a_log_calls_it_and_masked() -> None:
    skipped = {"type": "anna@example.com", "log_id": "1", "date": "2026-01-05T10:00:00Z"}
    found = await page(halves(), skipped)
    assert "anna@example.com" not in found
    assert "•••" in found


async def test_the_page_asks_for_nothing_and_its_style_is_the_one_allowed() -> None:
    found = await page(halves(), *PEOPLE)
    outline = Outline(found)
    assert not {tag for tag, _ in outline.tags} & {"script", "img", "iframe", "object", "embed", "form"}
    assert not [attributes for _, attributes in outline.tags if "style" in attributes or "src" in attributes]
    assert [attributes["href"] for tag, attributes in outline.tags if tag == "link"] == ["data:,"]
    (style,) = re.findall(r"<style>(.*?)</style>", found, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"default-src &#x27;none&#x27;; style-src &#x27;sha256-{digest}&#x27;" in found
    assert "url(" not in style
    assert "@import" not in style


async def test_headings_stand_in_order_and_every_link_leads_somewhere() -> None:
    tags = Outline(await page(halves(), *PEOPLE, b"nonsense")).tags
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [attributes["id"] for _, attributes in tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    links = {attributes["href"] or "" for tag, attributes in tags if tag == "a"}
    assert {link.removeprefix("#") for link in links} <= set(ids)


async def test_every_drawing_has_words_or_is_hidden() -> None:
    found = await page(halves(current_level=50), *PEOPLE)
    drawings = re.findall(r"<svg([^>]*)>(.{0,8})", found)
    assert drawings
    for attributes, beginning in drawings:
        assert 'aria-hidden="true"' in attributes or beginning.startswith("<title>") or "aria-labelledby" in attributes


async def test_the_same_facts_make_the_same_page() -> None:
    assert await page(halves(), *PEOPLE, b"nonsense") == await page(halves(), *PEOPLE, b"nonsense")


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 6, 7, 9, 25, 96])
def test_the_labels_below_a_chart_end_with_it(steps: int) -> None:
    found = over_time(Series(0, 1, [[1] * steps]), [Line("a", 0)], "Exposures", "x")
    labels = re.findall(r'<text x="([\d.]+)%" y="19"( class="spare")?>([^<]*)</text>', found)
    assert labels[0] == ("0.00", "", "1970-01-01 00:00:00")
    wide, narrow, character = 880, 260, 6.7  # pixels
    for at, spare, label in labels:
        room = wide if spare else narrow
        assert float(at) / 100 * room + len(label) * character <= room + 10


@pytest.mark.parametrize(
    ("most", "top"), [(0, 2), (1, 2), (3, 4), (5, 6), (9, 10), (10, 10), (11, 20), (263, 300), (999, 1000)]
)
def test_an_axis_ends_at_a_round_number_whose_half_is_whole(most: int, top: int) -> None:
    assert nice_top(most) == top
