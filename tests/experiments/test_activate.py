from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.definitions_documents import percentage_set
from worker.experiments.activate import UnknownExperimentError
from worker.experiments.parse import Loaded, parse


def draft(**fields: Any) -> dict[str, Any]:
    return {**percentage_set(id="exp_draft", status="draft", **fields)["experiments"][0]}


def load(*experiments: dict[str, Any], active: str = "exp_draft", flag_status: str = "active") -> Loaded:
    document = percentage_set()
    document["feature_flags"][0]["status"] = flag_status
    document["experiments"] += experiments
    return parse([("a.json", orjson.dumps(document))], active=active)


def statuses(loaded: Loaded) -> dict[str, str]:
    assert loaded.snapshot is not None, loaded.findings
    return {each.id: each.status for each in loaded.snapshot.tenants[None].experiments.values()}


def test_a_draft_takes_the_place_of_what_is_active() -> None:
    loaded = load(draft())
    assert statuses(loaded) == {"exp_a": "completed", "exp_draft": "active"}
    assert loaded.snapshot is not None
    assert loaded.snapshot.tenants[None].serving["authentication"].id == "exp_draft"


@pytest.mark.parametrize(
    ("flow", "others"), [("all", "completed"), ("authentication", "completed"), ("password_reset", "active")]
)
def test_only_what_would_conflict_makes_room(flow: str, others: str) -> None:
    assert statuses(load(draft(authentication_flow=flow))) == {"exp_a": others, "exp_draft": "active"}


def test_a_draft_flag_is_taken_for_active_too_an_archived_one_is_not() -> None:
    own = draft()
    assert statuses(load(own, flag_status="draft"))["exp_draft"] == "active"
    assert [finding.code for finding in load(own, flag_status="archived").findings] == ["feature_flag_not_active"]


def test_a_draft_that_is_not_ready_is_refused_with_its_findings() -> None:
    loaded = load(draft(allocations=[{"variation_id": "var_control", "weight": 40, "is_control": True}]))
    assert loaded.snapshot is None
    assert [(finding.entity_id, finding.code) for finding in loaded.findings] == [
        ("exp_draft", "experiment_invalid_allocation_weights")
    ]


def test_an_experiment_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(UnknownExperimentError, match="no experiment 'exp_x', expected one of exp_a, exp_draft"):
        load(draft(), active="exp_x")


def test_another_tenants_experiments_stay() -> None:
    mine = {**percentage_set(), "tenant": "acme"}
    mine["experiments"] = [*mine["experiments"], draft()]
    loaded = parse([("a.json", orjson.dumps(mine)), ("b.json", orjson.dumps(percentage_set()))], active="exp_draft")
    assert loaded.snapshot is not None
    assert loaded.snapshot.tenants[None].experiments["exp_a"].status == "active"
    assert loaded.snapshot.tenants["acme"].experiments["exp_a"].status == "completed"


def test_without_an_experiment_to_activate_nothing_changes() -> None:
    document = orjson.dumps(percentage_set(status="draft"))
    assert statuses(parse([("a.json", document)])) == {"exp_a": "draft"}
