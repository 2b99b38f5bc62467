"""Step 1: what the request's query names comes before everything else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from tests.experiments_factory import (
    Worker,
    new_experiment,
    new_segment_experiment,
    new_snapshot,
    new_tier,
    new_trigger,
    on_device,
    outcome,
    subjects,
    variation,
)
from worker.experiments.claims import Claim, Proposal, Published
from worker.experiments.decide import Decision
from worker.experiments.definitions import Experiment, Snapshot, Status, TenantDefinitions

SERVING = new_experiment({"treatment": 100})
NAMED = new_experiment({"control": 100, "red": 0}, spare=["spare"], id="exp_named", status="draft")
TIERED = new_segment_experiment(new_tier("red", "NO"), new_tier("blue", "SE"), id="exp_tiered", status="draft")
STATUSES: Sequence[Status] = ("draft", "active", "paused", "completed", "archived")
NOT_FOUND = ("not_found", None, ("experiment_not_found",))


class UnaskedStore:
    """A store that nobody may ask."""

    async def claim(self, proposals: Sequence[Proposal]) -> Sequence[Claim]:
        assert not proposals
        return []

    def confirm(self, published: Sequence[Published]) -> None:
        assert not published


def override(*experiments: Experiment, country: str = "NO", user_id: str | None = "auth0|1", **query: Any) -> Decision:
    """Decide a request with that query, beside an experiment that serves; the store may not be asked."""
    worker = Worker(SERVING, *(experiments or (NAMED, TIERED)), store=UnaskedStore())
    return worker.decide(new_trigger(user_id=user_id, country=country, query=query))


def answer(decision: Decision) -> tuple[str, str | None, tuple[str, ...]]:
    return (*outcome(decision), decision.warnings)


@pytest.mark.parametrize("status", STATUSES)
def test_a_variation_can_be_forced_in_any_status(status: Status) -> None:
    experiment = new_experiment({"control": 100, "red": 0}, id="exp_x", status=status)
    decision = override(experiment, experiment_id="exp_x", variation_id="red")
    assert (decision.method, *answer(decision)) == ("forced", "forced", "red", ())


@pytest.mark.parametrize("status", STATUSES)
def test_an_experiment_can_be_named_in_any_status(status: Status) -> None:
    decision = override(new_experiment({"red": 100}, id="exp_x", status=status), experiment_id="exp_x")
    assert (decision.method, *answer(decision)) == ("explicit", "explicit", "red", ())


@pytest.mark.parametrize("query", [{}, {"variation_id": "red"}])
def test_an_experiment_of_another_flow_can_be_named(query: dict[str, str]) -> None:
    experiment = new_experiment({"red": 100}, id="exp_x", flow="password_reset")
    assert variation(override(experiment, experiment_id="exp_x", **query)) == "red"


def test_a_segment_can_be_forced_though_it_does_not_hold() -> None:
    decision = override(experiment_id="exp_tiered", segment_id="seg_SE", country="NO")
    assert (decision.method, *answer(decision)) == ("forced", "forced", "blue", ())
    assert decision.segment_id == "seg_SE"


def test_a_forced_variation_wins_over_a_forced_segment() -> None:
    decision = override(experiment_id="exp_tiered", variation_id="red", segment_id="seg_SE")
    assert (variation(decision), decision.segment_id) == ("red", None)
    wrong = override(experiment_id="exp_tiered", variation_id="nope", segment_id="seg_SE")
    assert answer(wrong) == NOT_FOUND


def test_a_variation_without_an_allocation_can_be_forced_and_is_no_control() -> None:
    decision = override(experiment_id="exp_named", variation_id="spare")
    assert decision.arm is not None
    assert (decision.arm.variation_id, decision.arm.is_control) == ("spare", False)


def test_forcing_needs_no_subject() -> None:
    decision = override(experiment_id="exp_named", variation_id="red", user_id=None)
    assert outcome(decision) == ("forced", "red")
    assert decision.subject is None


@pytest.mark.parametrize(
    "query",
    [
        {"experiment_id": "nope"},
        {"experiment_id": "nope", "variation_id": "red"},
        {"experiment_id": ["exp_named"]},
        {"experiment_id": 0},
        {"experiment_id": []},
        {"experiment_id": " "},
        {"experiment_id": "exp_named", "variation_id": "nope"},
        {"experiment_id": "exp_named", "variation_id": "treatment"},
        {"experiment_id": "exp_named", "variation_id": ["red"]},
        {"experiment_id": "exp_named", "variation_id": {}},
        {"experiment_id": "exp_named", "variation_id": 0},
        {"experiment_id": "exp_named", "segment_id": "seg_NO"},
        {"experiment_id": "exp_tiered", "segment_id": "seg_DK"},
        {"experiment_id": "exp_tiered", "segment_id": ["seg_NO"]},
        {"experiment_id": "exp_tiered", "segment_id": False},
    ],
)
def test_an_override_of_what_is_not_there_is_a_warning_and_null(query: dict[str, Any]) -> None:
    assert answer(override(**query)) == NOT_FOUND


@pytest.mark.parametrize("nothing", ["", None])
def test_an_empty_override_is_absent(nothing: str | None) -> None:
    worker = Worker(SERVING, NAMED)
    query = {"experiment_id": nothing, "variation_id": nothing, "segment_id": nothing}
    assert answer(worker.decide(new_trigger(query=query))) == ("split", "treatment", ())
    assert outcome(override(experiment_id="exp_named", variation_id=nothing)) == ("explicit", "control")
    assert variation(override(experiment_id="exp_tiered", variation_id=nothing, segment_id="seg_NO")) == "red"


@pytest.mark.parametrize("name", ["variation_id", "segment_id"])
@pytest.mark.parametrize("experiment_id", [None, ""])
def test_parameters_without_an_experiment_are_a_warning_and_go_on_as_if_absent(
    name: str, experiment_id: str | None
) -> None:
    trigger = new_trigger(query={"experiment_id": experiment_id, name: "control"})
    decision = Worker(SERVING).decide(trigger)
    assert (decision.method, *answer(decision)) == ("auto", "split", "treatment", ("experiment_orphaned_params",))


def test_orphans_are_told_of_with_every_later_answer() -> None:
    orphan: dict[str, Any] = {"query": {"variation_id": "red"}}
    warned = [
        Worker().decide(new_trigger(**orphan)),
        Worker(SERVING).decide(new_trigger(user_id=None, **orphan)),
        Worker(new_experiment(level=0)).decide(new_trigger(**orphan)),
        Worker(new_experiment(status="paused")).decide(new_trigger(**orphan)),
        Worker(new_segment_experiment()).decide(new_trigger(**orphan)),
        Worker(new_segment_experiment(status="paused")).decide(new_trigger(**orphan)),
        Worker(new_segment_experiment(fallback=None)).decide(new_trigger(**orphan)),
    ]
    assert {decision.warnings for decision in warned} == {("experiment_orphaned_params",)}


def test_other_parameters_of_the_query_say_nothing() -> None:
    assert answer(Worker(SERVING).decide(new_trigger(query={"login_hint": "a@b.no"}))) == ("split", "treatment", ())


def test_a_named_experiment_asks_ramp_and_split_of_the_bucketing_key() -> None:
    named = [new_experiment({"red": 50, "blue": 50}, id="exp_x", level=level) for level in (0, 100)]
    out, inside = (override(experiment, experiment_id="exp_x") for experiment in named)
    assert answer(out) == ("not_in_ramp", None, ())
    serving = new_experiment({"red": 50, "blue": 50}, id="exp_x")
    assert variation(inside) == variation(Worker(serving).decide(new_trigger()))


@pytest.mark.parametrize("email", ["a@b.no", "b@b.no", "h@b.no"])
def test_a_named_experiment_hashes_the_link_identifier_too(email: str) -> None:
    serving = new_experiment({f"v{number}": 10 for number in range(10)}, level=50)
    expected = Worker(serving).decide(new_trigger(email=email))
    named = Worker(serving).decide(new_trigger(email=email, query={"experiment_id": "exp_a"}))
    assert variation(named) == variation(expected)


@pytest.mark.parametrize(("country", "expected"), [("SE", ("blue", "seg_SE")), ("DK", ("control", None))])
def test_a_named_segment_experiment_asks_its_segments(country: str, expected: tuple[str, str | None]) -> None:
    decision = override(experiment_id="exp_tiered", country=country)
    assert (decision.method, decision.reason) == ("explicit", "explicit")
    assert (variation(decision), decision.segment_id) == expected


@pytest.mark.parametrize("experiment_id", ["exp_named", "exp_tiered"])
def test_a_named_experiment_needs_a_subject(experiment_id: str) -> None:
    assert answer(override(experiment_id=experiment_id, user_id=None)) == ("no_subject", None, ())


def test_a_named_experiment_of_devices_takes_the_device() -> None:
    worker = Worker(new_experiment({"red": 100}, id="exp_x", subject="device"), store=UnaskedStore())
    trigger = on_device("d1", query={"experiment_id": "exp_x"})
    assert worker.decide(trigger).subject == subjects("device:d1")[0]


@pytest.mark.parametrize(
    "draft", [new_experiment({"red": 0}, id="exp_x"), new_segment_experiment(fallback=None, id="exp_x")]
)
def test_a_draft_that_gives_nobody_anything_yet_is_a_warning_and_null(draft: Experiment) -> None:
    assert answer(override(draft, experiment_id="exp_x")) == NOT_FOUND


@pytest.mark.parametrize("query", [{}, {"variation_id": "red"}])
def test_overrides_are_no_first_exposures(query: dict[str, str]) -> None:
    assert override(experiment_id="exp_named", **query).is_first is False


def test_an_override_leaves_the_record_as_it_is() -> None:
    worker = Worker(new_experiment({"control": 100, "red": 0}))
    assert outcome(worker.decide(new_trigger("evt_1"))) == ("split", "control")
    worker.load(new_experiment({"control": 0, "red": 100}))
    for query in ({"variation_id": "red"}, {}):
        forced = worker.decide(new_trigger("evt_2", query={"experiment_id": "exp_a", **query}))
        assert variation(forced) == "red"
    assert outcome(worker.decide(new_trigger("evt_3"))) == ("sticky", "control")


def test_only_the_tenants_own_experiments_can_be_named() -> None:
    (theirs,) = new_snapshot(NAMED).tenants.values()
    worker = Worker()
    worker.snapshot = Snapshot({"theirs": theirs, "ours": TenantDefinitions({}, {})}, "s1")
    query = {"experiment_id": "exp_named"}
    assert outcome(worker.decide(new_trigger(tenant="theirs", query=query))) == ("explicit", "control")
    assert answer(worker.decide(new_trigger(tenant="ours", query=query))) == NOT_FOUND
