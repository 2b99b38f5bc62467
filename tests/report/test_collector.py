from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.definitions_documents import percentage_set
from tests.pipelines import pipeline, records
from worker.report.collector import Collected, Given, shape
from worker.report.timeline import Timeline

START = datetime(2026, 1, 5, 10, 30, tzinfo=UTC)


def login(id_: str, time: str | None = "2026-01-05T10:30:00Z") -> dict[str, object]:
    event = {"user": {"user_id": f"u|{id_}"}, "tenant": {"id": "acme"}}
    return {"id": id_, "trigger": "post_login", "time": time, "event": event}


async def test_exposures_are_counted_by_hour_and_variation() -> None:
    collected = Collected()
    batch = records(login("1"), login("2"), login("3", "2026-01-05T23:59:59-02:00"), login("4", None))
    collected.add(await pipeline().process(batch))
    given = Given("acme", "exp_a", "var_treatment")
    assert collected.exposures.counts == {"2026-01-05T10": {given: 2}, "2026-01-06T01": {given: 1}}
    assert collected.undated == 1
    assert collected.reasons == {"exp_a": {"split": 4}}


async def test_those_outside_of_the_ramp_are_counted_for_their_experiment() -> None:
    collected = Collected()
    definitions = percentage_set(current_level=0, levels=[0, 100])
    collected.add(await pipeline(definitions=[definitions]).process(records(login("1"))))
    assert collected.reasons == {"exp_a": {"not_in_ramp": 1}}


async def test_a_few_dead_letters_of_each_reason_are_kept_without_what_they_say() -> None:
    collected = Collected()
    batch = records(*[b'{"email": "ada.9@example.com"' for _ in range(5)], b"[]")
    collected.add(await pipeline().process(batch))
    assert [len(samples) for samples in collected.samples.values()] == [3, 1]
    assert collected.samples["not_json"][0].source == "log/1"
    assert collected.samples["not_json"][0].shape == '{"xxxxx": "xxx.0@xxxxxxx.xxx"'


@pytest.mark.parametrize(
    ("value", "shown"), [(b"", ""), (b"\x00\xff", "··"), ("é1".encode(), "··0"), (b"a" * 73, "x" * 72 + "…")]
)
def test_a_shape_has_no_letter_and_no_digit_of_the_value(value: bytes, shown: str) -> None:
    assert shape(value) == shown


def test_buckets_get_wider_when_there_are_many_and_nothing_is_lost() -> None:
    timeline: Timeline[str] = Timeline(most=48)
    for hour in range(24 * 40):
        timeline.add(START + timedelta(hours=hour), "a")
    assert timeline.unit == "day"
    assert len(timeline.counts) == 41
    assert sum(counts["a"] for counts in timeline.counts.values()) == 24 * 40


def test_centuries_stay_in_few_buckets() -> None:
    timeline: Timeline[str] = Timeline(most=10)
    for year in range(1000, 1010):
        for month in range(1, 13):
            timeline.add(START.replace(year=year, month=month), "a")
    assert timeline.unit == "year"
    assert list(timeline.counts) == [str(year) for year in range(1000, 1010)]
