"""Steps 6 and 7, who is first, and what is decided while the store is away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.experiments_factory import (
    DownStore,
    Worker,
    new_experiment,
    new_segment_experiment,
    new_tier,
    new_trigger,
    outcome,
    variation,
)
from worker.experiments.decide import Decision
from worker.experiments.definitions import Experiment

BOB = "bob"  # shard("exposure-bob-exp_a") is 7032, shard("assignment-bob-exp_a") 3066


def decide(experiment: Experiment, **event: Any) -> Decision:
    return Worker(experiment).decide(new_trigger(**event))


def test_a_new_subject_is_split() -> None:
    decision = decide(new_experiment({"a": 30, "b": 1, "c": 69}), user_id=BOB)
    assert outcome(decision) == ("split", "b")
    assert (decision.method, decision.is_first, decision.segment_id, decision.warnings) == ("auto", True, None, ())


@pytest.mark.parametrize(("level", "expected"), [(70, "not_in_ramp"), (71, "split")])
def test_the_ramp_comes_before_the_split(level: int, expected: str) -> None:
    decision = decide(new_experiment(level=level), user_id=BOB)
    assert decision.reason == expected
    assert decision.is_first is (expected == "split")


def test_who_is_out_of_the_ramp_is_not_stored() -> None:
    worker = Worker(new_experiment({"a": 100, "b": 0}, level=70))
    assert outcome(worker.decide(new_trigger(user_id=BOB))) == ("not_in_ramp", None)
    worker.load(new_experiment({"a": 0, "b": 100}, level=71))
    assert outcome(worker.decide(new_trigger(user_id=BOB))) == ("split", "b")


@pytest.mark.parametrize("weights", [{"a": 0, "b": 100}, {"b": 100, "a": 0}])
def test_a_variation_of_weight_zero_is_given_to_nobody(weights: Mapping[str, int]) -> None:
    batch = [new_trigger(f"evt_{number}", user_id=f"auth0|{number}") for number in range(500)]
    assert {variation(decision) for decision in Worker(new_experiment(weights)).decide_all(batch)} == {"b"}


def test_only_the_event_that_created_the_record_is_first() -> None:
    worker = Worker(new_experiment())
    found = [worker.decide(new_trigger(f"evt_{number}")) for number in range(3)]
    assert [decision.is_first for decision in found] == [True, False, False]


@pytest.mark.parametrize("status", ["active", "paused"])
def test_it_is_first_also_when_it_is_processed_again(status: str) -> None:
    worker = Worker(new_experiment())
    before = worker.decide(new_trigger("evt_1"))
    worker.decide(new_trigger("evt_2"))
    worker.load(new_experiment(status=status))
    again = worker.decide(new_trigger("evt_1"))
    assert outcome(again) == outcome(before)
    assert (again.reason, again.is_first) == ("split", True)


def test_what_is_reassigned_is_first_also_when_it_is_processed_again() -> None:
    worker = Worker(new_experiment({"a": 100}))
    worker.decide(new_trigger("evt_1"))
    worker.load(new_experiment({"b": 100}))
    for _ in range(2):
        decision = worker.decide(new_trigger("evt_2"))
        assert (outcome(decision), decision.is_first) == (("reassigned", "b"), True)
    old = worker.decide(new_trigger("evt_1"))
    assert (outcome(old), old.is_first) == (("sticky", "b"), False)


def test_who_was_linked_is_sticky_when_it_is_processed_again() -> None:
    worker = Worker(new_experiment())
    worker.decide(new_trigger("evt_1", user_id=None, email="ada@b.no"))
    found = [worker.decide(new_trigger("evt_2", email="ada@b.no")) for _ in range(2)]
    assert [decision.reason for decision in found] == ["linked", "sticky"]
    assert [decision.is_first for decision in found] == [False, False]


def test_without_the_store_the_draw_stands_with_a_warning() -> None:
    experiment = new_experiment({"a": 30, "b": 1, "c": 69})
    decision = Worker(experiment, store=DownStore()).decide(new_trigger(user_id=BOB))
    assert outcome(decision) == ("store_down", "b")
    assert (decision.is_first, decision.warnings) == (None, ("experiment_circuit_open",))


@pytest.mark.parametrize(
    ("experiment", "reason"), [(new_experiment(level=0), "not_in_ramp"), (new_experiment(status="paused"), "paused")]
)
def test_without_the_store_who_would_be_new_here_gets_nothing(experiment: Experiment, reason: str) -> None:
    decision = Worker(experiment, store=DownStore()).decide(new_trigger())
    assert (outcome(decision), decision.is_first) == ((reason, None), None)
    assert decision.warnings == ("experiment_circuit_open",)


def test_without_the_store_orphans_are_still_told_of() -> None:
    worker = Worker(new_experiment(), store=DownStore())
    decision = worker.decide(new_trigger(query={"variation_id": "a"}))
    assert decision.warnings == ("experiment_orphaned_params", "experiment_circuit_open")


@pytest.mark.parametrize(
    ("experiment", "event", "expected"),
    [
        (new_segment_experiment(new_tier("red", "NO")), {"country": "NO"}, ("segment", "red")),
        (new_experiment(), {"query": {"experiment_id": "exp_a", "variation_id": "control"}}, ("forced", "control")),
        (new_experiment({"a": 100}), {"query": {"experiment_id": "exp_a"}}, ("explicit", "a")),
    ],
)
def test_what_needs_no_store_is_decided_without_it(
    experiment: Experiment, event: dict[str, Any], expected: tuple[str, str]
) -> None:
    decision = Worker(experiment, store=DownStore()).decide(new_trigger(**event))
    assert (outcome(decision), decision.is_first, decision.warnings) == (expected, False, ())


def test_the_stores_records_win_when_it_is_back() -> None:
    worker = Worker(new_experiment({"a": 100, "b": 0}))
    worker.decide(new_trigger("evt_1"))
    away, now = worker.store, new_experiment({"a": 0, "b": 100})
    worker.load(now)
    assert outcome(Worker(now, store=DownStore()).decide(new_trigger("evt_2"))) == ("store_down", "b")
    assert outcome(Worker(now, store=away).decide(new_trigger("evt_2"))) == ("sticky", "a")
