"""Step 5: the request decides, by segments in priority order."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from msgspec.structs import replace

from tests.experiments_factory import (
    Worker,
    new_arm,
    new_experiment,
    new_segment_experiment,
    new_tier,
    new_trigger,
    outcome,
    segment_of,
)
from worker.experiments.decide import Decision, attribute_of
from worker.experiments.definitions import Allocation, Attribute, Experiment
from worker.stores.memory import MemoryStore

NORWAY, SWEDEN = new_tier("red", "NO"), new_tier("blue", "SE")
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile Safari/604.1"


def decide(experiment: Experiment, **event: Any) -> Decision:
    return Worker(experiment).decide(new_trigger(**event))


@pytest.mark.parametrize(
    ("country", "expected"),
    [
        ("NO", ("segment", "red", "seg_NO")),
        ("SE", ("segment", "blue", "seg_SE")),
        ("DK", ("fallback", "control", None)),
        ("no", ("fallback", "control", None)),
        (None, ("fallback", "control", None)),
    ],
)
def test_the_segment_that_holds_else_the_fallback(country: str | None, expected: tuple[str, str, str | None]) -> None:
    decision = decide(new_segment_experiment(NORWAY, SWEDEN), country=country)
    assert (*outcome(decision), decision.segment_id) == expected
    assert (decision.method, decision.is_first, decision.warnings) == ("auto", False, ())


def test_the_first_in_priority_order_that_holds_wins() -> None:
    again = replace(NORWAY, arm=new_arm("green"), segment_id="seg_again")
    decision = decide(new_segment_experiment(SWEDEN, NORWAY, again), country="NO")
    assert (*outcome(decision), decision.segment_id) == ("segment", "red", "seg_NO")


def test_an_archived_segment_never_holds() -> None:
    archived = replace(NORWAY, segment=replace(segment_of("country", "NO"), active=False))
    assert outcome(decide(new_segment_experiment(archived), country="NO")) == ("fallback", "control")


def test_an_allocation_without_a_segment_is_passed_over() -> None:
    bare = Allocation(new_arm("red"))
    assert outcome(decide(new_segment_experiment(bare, SWEDEN), country="SE")) == ("segment", "blue")


def test_without_a_fallback_who_is_in_no_segment_gets_nothing() -> None:
    assert outcome(decide(new_segment_experiment(NORWAY, fallback=None), country="SE")) == ("not_found", None)


def test_the_request_decides_anew_each_time() -> None:
    worker = Worker(new_segment_experiment(NORWAY, SWEDEN))
    found = [worker.decide(new_trigger(f"evt_{country}", country=country)) for country in ("NO", "SE", "NO")]
    assert [outcome(decision)[1] for decision in found] == ["red", "blue", "red"]
    assert [decision.is_first for decision in found] == [False, False, False]


def test_nothing_of_a_segment_is_stored() -> None:
    store = MemoryStore()
    Worker(new_segment_experiment(NORWAY), store=store).decide(new_trigger("evt_0", country="NO"))
    worker = Worker(new_experiment({"red": 0, "blue": 100}), store=store)
    assert outcome(worker.decide(new_trigger("evt_1"))) == ("split", "blue")


def test_segments_know_no_ramp() -> None:
    assert outcome(decide(new_segment_experiment(NORWAY, level=0), country="NO")) == ("segment", "red")


def test_a_paused_segment_experiment_gives_nobody_anything() -> None:
    assert outcome(decide(new_segment_experiment(NORWAY, status="paused"), country="NO")) == ("paused", None)


@pytest.mark.parametrize(
    ("attribute", "field"),
    [
        ("client_id", "client_id"),
        ("connection", "connection"),
        ("connection_type", "connection_type"),
        ("organization_id", "organization_id"),
        ("domain", "domain"),
        ("user_agent", "user_agent"),
        ("country", "country"),
        ("region", "region"),
    ],
)
def test_an_attribute_is_the_events_own_text(attribute: Attribute, field: str) -> None:
    tier = Allocation(new_arm("red"), segment_id="seg_a", segment=segment_of(attribute, "A b"))
    experiment = new_segment_experiment(tier)
    assert outcome(decide(experiment, **{field: "A b"})) == ("segment", "red")
    assert outcome(decide(experiment, **{field: "a b"})) == ("fallback", "control")
    assert attribute_of(new_trigger(), attribute) is None


@pytest.mark.parametrize(
    ("attribute", "expected"), [("device_type", "mobile"), ("browser", "mobile safari"), ("platform", "ios")]
)
def test_device_browser_and_platform_come_from_the_user_agent(attribute: Attribute, expected: str) -> None:
    tier = Allocation(new_arm("red"), segment_id="seg_a", segment=segment_of(attribute, expected))
    experiment = new_segment_experiment(tier)
    assert outcome(decide(experiment, user_agent=IPHONE)) == ("segment", "red")
    assert attribute_of(new_trigger(), attribute) is None


def test_an_empty_user_agent_is_of_another_device_not_of_a_nameless_one() -> None:
    found = [attribute_of(new_trigger(user_agent=""), name) for name in ("device_type", "browser", "platform")]
    assert found == ["other", None, None]


@pytest.mark.parametrize("attribute", get_args(Attribute))
def test_every_attribute_can_be_asked_for(attribute: Attribute) -> None:
    fields = ("client_id", "connection", "connection_type", "organization_id", "domain", "country", "region")
    trigger = new_trigger(user_agent=IPHONE, **dict.fromkeys(fields, "x"))
    assert attribute_of(trigger, attribute)
