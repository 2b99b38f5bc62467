"""Step 4: what a record says, whatever the definitions say now."""

from __future__ import annotations

from typing import Any

import pytest

from tests.experiments_factory import (
    Worker,
    new_experiment,
    new_trigger,
    on_device,
    outcome,
    subjects,
    variation,
)
from worker.experiments.claims import Held
from worker.experiments.definitions import Experiment

A_ONLY: dict[str, int] = {"a": 100, "b": 0}
B_ONLY: dict[str, int] = {"a": 0, "b": 100}
WITHOUT_A: dict[str, int] = {"b": 100}
MAIL: dict[str, Any] = {"user_id": None, "email": "ada@b.no"}
USER_AND_MAIL: dict[str, Any] = {"email": "ada@b.no"}


def at(day: int, weights: dict[str, int], **overrides: Any) -> Experiment:
    """The experiment as edited on that day."""
    return new_experiment(weights, updated_at=f"2026-01-{day:02}T00:00:00.000000Z", **overrides)


def holding_a(**event: Any) -> Worker:
    """A worker in whose store that event has given its identities variation a."""
    worker = Worker(at(1, A_ONLY))
    assert outcome(worker.decide(new_trigger("evt_0", **event))) == ("split", "a")
    return worker


def held(worker: Worker) -> Held:
    (claim,) = worker.claims
    assert isinstance(claim, Held)
    return claim


@pytest.mark.parametrize(
    "now", [at(2, B_ONLY), at(2, B_ONLY, level=0), at(2, A_ONLY, status="paused"), at(2, B_ONLY, status="paused")]
)
def test_a_record_decides_whatever_weights_ramp_and_status_say_now(now: Experiment) -> None:
    worker = holding_a()
    worker.load(now)
    decision = worker.decide(new_trigger("evt_1"))
    assert outcome(decision) == ("sticky", "a")
    assert (decision.is_first, decision.method, decision.segment_id, decision.warnings) == (False, "auto", None, ())


def test_the_context_is_that_of_the_definitions_of_now() -> None:
    worker, now = holding_a(), at(2, B_ONLY)
    worker.load(now)
    assert worker.decide(new_trigger("evt_1")).arm is now.allocated["a"]


def test_what_was_given_before_there_was_a_user_id_is_linked_to_it() -> None:
    worker = holding_a(**MAIL)
    worker.load(at(2, B_ONLY))
    linked = worker.decide(new_trigger("evt_1", **USER_AND_MAIL))
    assert (outcome(linked), linked.is_first) == (("linked", "a"), False)
    assert outcome(worker.decide(new_trigger("evt_2", **USER_AND_MAIL))) == ("sticky", "a")
    assert outcome(worker.decide(new_trigger("evt_3"))) == ("sticky", "a")


def test_an_identifier_alone_has_its_own_record() -> None:
    worker = holding_a(**USER_AND_MAIL)
    worker.load(at(2, B_ONLY))
    assert outcome(worker.decide(new_trigger("evt_1", **MAIL))) == ("sticky", "a")


def test_the_first_identity_with_a_record_decides() -> None:
    worker = holding_a(**MAIL)
    worker.load(at(2, B_ONLY))
    assert outcome(worker.decide(new_trigger("evt_1", phone_number="+471"))) == ("split", "b")
    by_user = worker.decide(new_trigger("evt_2", phone_number="+472", **USER_AND_MAIL))
    assert outcome(by_user) == ("sticky", "b")
    by_mail = worker.decide(new_trigger("evt_3", phone_number="+471", user_id="auth0|2", email="ada@b.no"))
    assert outcome(by_mail) == ("linked", "a")


def test_records_that_differ_stay_and_are_a_conflict() -> None:
    worker = holding_a(**MAIL)
    worker.load(at(2, B_ONLY))
    worker.decide(new_trigger("evt_1"))
    assert outcome(worker.decide(new_trigger("evt_2", **USER_AND_MAIL))) == ("sticky", "b")
    assert held(worker).conflict
    assert outcome(worker.decide(new_trigger("evt_3", **MAIL))) == ("sticky", "a")


def test_a_copy_has_the_creating_event_and_its_time() -> None:
    worker = Worker(at(1, A_ONLY))
    worker.decide(new_trigger("evt_0", time="2026-01-05T10:00:00Z", **MAIL))
    original = held(worker).assignment
    worker.load(at(2, B_ONLY, revision="r2"))
    worker.decide(new_trigger("evt_1", time="2026-01-06T10:00:00Z", **USER_AND_MAIL))
    assert held(worker).unconfirmed == subjects("user:auth0|1")
    worker.decide(new_trigger("evt_2", time="2026-01-07T10:00:00Z"))
    assert held(worker).assignment == original
    assert (original.event_id, original.assigned_at) == ("evt_0", "2026-01-05T10:00:00Z")


def test_paused_experiments_still_link() -> None:
    worker = holding_a(**MAIL)
    worker.load(at(2, A_ONLY, status="paused"))
    assert outcome(worker.decide(new_trigger("evt_1", **USER_AND_MAIL))) == ("linked", "a")
    assert outcome(worker.decide(new_trigger("evt_2"))) == ("sticky", "a")


def test_paused_experiments_give_nobody_anything_new() -> None:
    worker = Worker(at(1, A_ONLY, status="paused"))
    assert outcome(worker.decide(new_trigger("evt_0"))) == ("paused", None)
    worker.load(at(2, B_ONLY))
    assert outcome(worker.decide(new_trigger("evt_0"))) == ("split", "b")


def test_devices_are_sticky_without_their_users() -> None:
    worker = Worker(at(1, A_ONLY, subject="device"))
    worker.decide(on_device("d1", id_="evt_0", **USER_AND_MAIL))
    worker.load(at(2, B_ONLY, subject="device"))
    assert outcome(worker.decide(on_device("d1", id_="evt_1", user_id="auth0|2"))) == ("sticky", "a")
    assert outcome(worker.decide(on_device("d2", id_="evt_2", **USER_AND_MAIL))) == ("split", "b")


def test_a_withdrawn_variation_is_drawn_anew() -> None:
    worker = holding_a()
    worker.load(at(2, WITHOUT_A))
    decision = worker.decide(new_trigger("evt_1"))
    assert (outcome(decision), decision.is_first) == (("reassigned", "b"), True)
    assert held(worker).assignment.version == 1
    again = worker.decide(new_trigger("evt_2"))
    assert (outcome(again), again.is_first) == (("sticky", "b"), False)


def test_a_weight_of_zero_withdraws_nothing() -> None:
    worker = holding_a()
    worker.load(at(2, B_ONLY))
    assert outcome(worker.decide(new_trigger("evt_1"))) == ("sticky", "a")


def test_a_reassignment_overwrites_all_records_of_the_event_above_the_highest_version() -> None:
    worker = holding_a(**MAIL)
    worker.load(at(2, WITHOUT_A))
    worker.decide(new_trigger("evt_1", **MAIL))
    worker.load(at(3, {"a": 100, "c": 0}))
    worker.decide(new_trigger("evt_2"))
    assert held(worker).assignment.version == 0
    worker.load(at(4, {"c": 100}))
    assert outcome(worker.decide(new_trigger("evt_3", phone_number="+471", **USER_AND_MAIL))) == ("reassigned", "c")
    assert held(worker).assignment.version == 2
    assert held(worker).unconfirmed == subjects("user:auth0|1", "identifier:ada@b.no", "identifier:+471")
    assert outcome(worker.decide(new_trigger("evt_4", **MAIL))) == ("sticky", "c")


def test_the_first_record_decides_also_where_it_is_withdrawn_and_another_is_not() -> None:
    worker = holding_a()
    worker.load(at(2, WITHOUT_A))
    worker.decide(new_trigger("evt_1", **MAIL))
    assert outcome(worker.decide(new_trigger("evt_2", **USER_AND_MAIL))) == ("reassigned", "b")
    assert held(worker).assignment.event_id == "evt_2"


def test_who_is_withdrawn_and_out_of_the_ramp_gets_nothing_and_keeps_the_record() -> None:
    worker = holding_a()
    worker.load(at(2, WITHOUT_A, level=0))
    decision = worker.decide(new_trigger("evt_1"))
    assert (outcome(decision), decision.is_first, decision.warnings) == (("not_in_ramp", None), False, ())
    worker.load(at(3, A_ONLY))
    assert outcome(worker.decide(new_trigger("evt_2"))) == ("sticky", "a")


def test_who_is_withdrawn_while_paused_gets_nothing_and_keeps_the_record() -> None:
    worker = holding_a()
    worker.load(at(2, WITHOUT_A, status="paused"))
    assert outcome(worker.decide(new_trigger("evt_1"))) == ("paused", None)
    worker.load(at(3, A_ONLY))
    assert outcome(worker.decide(new_trigger("evt_2"))) == ("sticky", "a")


@pytest.mark.parametrize("level", [None, 0])
def test_older_definitions_than_the_records_never_overwrite_it(level: int | None) -> None:
    worker = Worker(at(2, {"new": 100}))
    worker.decide(new_trigger("evt_0"))
    worker.load(at(1, A_ONLY, level=level))
    decision = worker.decide(new_trigger("evt_1"))
    assert (variation(decision), decision.warnings) == (None, ("definitions_behind",))
    assert (decision.reason, decision.is_first) == ("not_found", False)
    worker.load(at(2, {"new": 100}))
    assert outcome(worker.decide(new_trigger("evt_2"))) == ("sticky", "new")


def test_older_definitions_overwrite_no_record_of_the_event_that_is_newer() -> None:
    worker = holding_a()
    worker.load(at(3, {"new": 100}))
    worker.decide(new_trigger("evt_1", **MAIL))
    worker.load(at(2, WITHOUT_A))
    assert worker.decide(new_trigger("evt_2", **USER_AND_MAIL)).warnings == ("definitions_behind",)
    worker.load(at(3, {"new": 100}))
    assert outcome(worker.decide(new_trigger("evt_3", **MAIL))) == ("sticky", "new")


def test_older_definitions_still_serve_what_they_know() -> None:
    worker = Worker(at(2, B_ONLY))
    worker.decide(new_trigger("evt_0"))
    worker.load(at(1, A_ONLY))
    assert outcome(worker.decide(new_trigger("evt_1"))) == ("sticky", "b")


def test_older_definitions_that_are_paused_are_paused() -> None:
    worker = Worker(at(2, {"new": 100}))
    worker.decide(new_trigger("evt_0"))
    worker.load(at(1, A_ONLY, status="paused"))
    decision = worker.decide(new_trigger("evt_1"))
    assert (outcome(decision), decision.warnings) == (("paused", None), ())


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [(None, "2026-01-01T00:00:00.000000Z"), ("2026-01-01T00:00:00.000000Z", None), (None, None)],
)
def test_definitions_without_a_time_are_never_behind(theirs: str | None, ours: str | None) -> None:
    worker = Worker(new_experiment(A_ONLY, updated_at=theirs))
    worker.decide(new_trigger("evt_0"))
    worker.load(new_experiment(WITHOUT_A, updated_at=ours))
    assert outcome(worker.decide(new_trigger("evt_1"))) == ("reassigned", "b")


def test_definitions_of_the_same_time_are_not_behind() -> None:
    worker = holding_a()
    worker.load(at(1, WITHOUT_A))
    assert outcome(worker.decide(new_trigger("evt_1"))) == ("reassigned", "b")


def test_records_are_of_one_experiment() -> None:
    worker = holding_a()
    worker.load(at(2, B_ONLY, id="exp_b"))
    assert outcome(worker.decide(new_trigger("evt_1"))) == ("split", "b")
    worker.load(at(2, B_ONLY))
    assert outcome(worker.decide(new_trigger("evt_2"))) == ("sticky", "a")


def test_records_are_of_one_tenant() -> None:
    worker = holding_a(tenant="acme")
    worker.load(at(2, B_ONLY))
    assert outcome(worker.decide(new_trigger("evt_1", tenant="other"))) == ("split", "b")
    assert outcome(worker.decide(new_trigger("evt_2", tenant="acme"))) == ("sticky", "a")


def test_later_events_of_a_batch_see_what_earlier_ones_were_given() -> None:
    batch = [new_trigger("evt_0", **MAIL), new_trigger("evt_1", **USER_AND_MAIL), new_trigger("evt_2")]
    decisions = Worker(at(1, A_ONLY)).decide_all(batch)
    assert [outcome(decision) for decision in decisions] == [("split", "a"), ("linked", "a"), ("sticky", "a")]
