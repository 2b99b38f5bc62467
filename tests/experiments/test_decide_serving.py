"""Step 2: the experiment that serves an event, from documents as they are loaded."""

from __future__ import annotations

from typing import Any

import pytest

from tests.definitions_documents import percentage_set
from tests.experiments.loading import snapshot_of
from tests.experiments_factory import ENGINE, Worker, new_trigger, outcome
from worker.experiments.claims import Proposal
from worker.trigger import TriggerKind

FLOW = "authentication"


def running(*experiments: tuple[str, str, str], **document: Any) -> dict[str, Any]:
    """A document with these experiments: id, flow and status."""
    found = percentage_set(**document)
    (model,) = found["experiments"]
    found["experiments"] = [
        {**model, "id": id_, "authentication_flow": flow, "status": status} for id_, flow, status in experiments
    ]
    return found


def serving(*documents: dict[str, Any], **event: Any) -> str | None:
    """Return the id of the experiment that serves an event."""
    step = ENGINE.propose(snapshot_of(*documents), new_trigger(**event))
    return None if step.experiment is None else step.experiment.id


@pytest.mark.parametrize(
    ("experiments", "expected"),
    [
        ([("a", FLOW, "active")], "a"),
        ([("a", "all", "active")], "a"),
        ([("a", FLOW, "paused"), ("b", FLOW, "active")], "b"),
        ([("a", FLOW, "paused"), ("b", "all", "active")], "b"),
        ([("a", "all", "paused"), ("b", FLOW, "active")], "b"),
        ([("b", FLOW, "paused"), ("a", FLOW, "paused")], "b"),
        ([("a", "all", "paused"), ("b", FLOW, "paused")], "b"),
        ([("b", "all", "paused"), ("a", "all", "paused")], "b"),
        ([("a", "password_reset", "active"), ("b", "all", "paused")], "b"),
    ],
)
def test_active_comes_before_paused_and_the_flow_before_all(
    experiments: list[tuple[str, str, str]], expected: str
) -> None:
    assert serving(running(*experiments)) == expected


@pytest.mark.parametrize("kind", ["post_login", "pre_user_registration", "post_user_registration"])
def test_all_triggers_are_of_the_authentication_flow(kind: TriggerKind) -> None:
    assert serving(running(("a", FLOW, "active")), kind=kind) == "a"


@pytest.mark.parametrize(
    "experiments",
    [
        [],
        [("a", FLOW, "draft"), ("b", FLOW, "completed"), ("c", "all", "archived")],
        [("a", "mfa_challenge", "active"), ("b", "password_reset", "paused")],
    ],
)
def test_nothing_else_serves(experiments: list[tuple[str, str, str]]) -> None:
    worker = Worker()
    worker.snapshot = snapshot_of(running(*experiments))
    decision = worker.decide(new_trigger())
    assert outcome(decision) == ("no_experiment", None)
    assert decision.is_first is False


def test_a_tenant_runs_its_own_experiments_and_others_those_without_tenant() -> None:
    own = {"tenant": "acme", **running(("own", FLOW, "active"))}
    shared = running(("shared", FLOW, "active"))
    assert [serving(own, shared, tenant=tenant) for tenant in ("acme", "other", None)] == ["own", "shared", "shared"]


def test_a_tenant_with_a_file_of_its_own_gets_nothing_from_the_others() -> None:
    own, shared = {"tenant": "acme", **running()}, running(("shared", FLOW, "active"))
    assert serving(own, shared, tenant="acme") is None
    assert serving(own, tenant="other") is None


def test_a_proposal_is_of_the_serving_experiment_and_asks_nothing_of_the_others() -> None:
    step = ENGINE.propose(snapshot_of(running(("a", FLOW, "paused"), ("b", FLOW, "active"))), new_trigger())
    assert isinstance(step, Proposal)
    assert step.drawn is not None
    assert step.drawn.context_json.startswith(b'{"experiment_id":"b"')
