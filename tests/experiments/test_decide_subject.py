"""Step 3: whose decision it is, and what is hashed for them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.experiments_factory import (
    ENGINE,
    Worker,
    new_experiment,
    new_segment_experiment,
    new_tier,
    new_trigger,
    on_device,
    outcome,
    subjects,
    variation,
)
from worker.experiments.claims import Proposal
from worker.experiments.definitions import Experiment
from worker.experiments.split import slot
from worker.trigger import Trigger

SHARES = {f"v{number}": 1 for number in range(100)}
WIDE = new_experiment(SHARES)
DEVICES = new_experiment(SHARES, subject="device")
NOBODY = {"user_id": None}


def at(experiment: Experiment, key: str) -> str:
    """Return the variation of WIDE that this bucketing key is given."""
    return f"v{slot(experiment, key) // 100}"


@pytest.mark.parametrize(
    ("fields", "subject", "key"),
    [
        ({}, "user:auth0|1", "auth0|1"),
        ({"email": " Ada@B.no "}, "user:auth0|1", "ada@b.no"),
        ({"phone_number": "+471"}, "user:auth0|1", "+471"),
        ({"username": "ada", "phone_number": "+471"}, "user:auth0|1", "+471"),
        ({**NOBODY, "email": "Ada@B.no"}, "identifier:ada@b.no", "ada@b.no"),
        ({**NOBODY, "username": "ada"}, "identifier:ada", "ada"),
    ],
)
def test_records_are_of_the_subject_and_the_link_identifier_is_hashed(
    fields: dict[str, Any], subject: str, key: str
) -> None:
    decision = Worker(WIDE).decide(new_trigger(**fields))
    assert decision.subject == subjects(subject)[0]
    assert outcome(decision) == ("split", at(WIDE, key))


@pytest.mark.parametrize("kind", ["pre_user_registration", "post_user_registration", "post_login"])
def test_registration_and_login_hash_alike_without_the_store(kind: Any) -> None:
    user_id = None if kind == "pre_user_registration" else "auth0|1"
    trigger = new_trigger(kind=kind, user_id=user_id, email="ada@b.no")
    assert variation(Worker(WIDE).decide(trigger)) == at(WIDE, "ada@b.no")


def test_a_device_is_subject_and_key_and_has_no_other_identity() -> None:
    trigger = on_device("d1", email="ada@b.no")
    step = ENGINE.propose(Worker(DEVICES).snapshot, trigger)
    assert isinstance(step, Proposal)
    assert step.subjects == subjects("device:d1")
    assert step.drawn == DEVICES.allocated[at(DEVICES, "d1")]


def test_without_a_device_it_is_as_for_users() -> None:
    trigger = on_device(" ", email="ada@b.no")
    step = ENGINE.propose(Worker(DEVICES).snapshot, trigger)
    assert isinstance(step, Proposal)
    assert step.subjects == subjects("user:auth0|1", "identifier:ada@b.no")
    assert step.drawn == DEVICES.allocated[at(DEVICES, "ada@b.no")]


def test_a_device_says_nothing_where_users_are_asked_for() -> None:
    assert Worker(WIDE).decide(on_device("d1")).subject == subjects("user:auth0|1")[0]
    nobody = Worker(WIDE).decide(on_device("d1", **NOBODY))
    assert (outcome(nobody), nobody.subject) == (("no_subject", None), None)


@pytest.mark.parametrize(
    "experiment",
    [
        WIDE,
        DEVICES,
        new_experiment(status="paused"),
        new_experiment(level=0),
        new_segment_experiment(new_tier("treatment", "NO")),
        new_segment_experiment(status="paused"),
    ],
)
def test_who_names_nobody_gets_nothing_under_every_strategy(experiment: Experiment) -> None:
    trigger = new_trigger(user_id=" ", email="", username="\t", country="NO")
    decision = Worker(experiment).decide(trigger)
    assert (outcome(decision), decision.subject, decision.is_first) == (("no_subject", None), None, False)


def nulls() -> list[tuple[Worker, Trigger]]:
    return [
        (Worker(), new_trigger()),
        (Worker(new_experiment(level=0)), new_trigger()),
        (Worker(new_experiment(status="paused")), new_trigger()),
        (Worker(new_segment_experiment(status="paused")), new_trigger()),
        (Worker(), new_trigger(query={"experiment_id": "nope"})),
    ]


def test_the_subject_is_known_also_where_nothing_applies() -> None:
    assert {worker.decide(trigger).subject for worker, trigger in nulls()} == {subjects("user:auth0|1")[0]}


def test_subjects_of_tenants_are_apart() -> None:
    found = [Worker(WIDE).decide(new_trigger(tenant=tenant)).subject for tenant in ("acme", "other", None)]
    assert found == [subjects("user:auth0|1", tenant=tenant)[0] for tenant in ("acme", "other", None)]
    assert len(set(found)) == 3
