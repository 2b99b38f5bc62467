from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import msgspec
import orjson
import pytest

from tests.definitions_documents import percentage_set, segment_set
from tests.experiments.loading import experiment_of, load_yaml, plain, snapshot_of


def with_parameters(**values: Any) -> dict[str, Any]:
    document = percentage_set()
    kinds = {str: "string", bool: "boolean", int: "number", float: "number", list: "array", dict: "object"}
    document["feature_flags"][0]["parameters"] = {
        name: {"type": kinds[type(value)], "value": value} for name, value in values.items()
    }
    document["feature_flags"][0]["variations"][1]["overrides"] = {}
    return document


def test_config_is_the_baseline_overridden_by_the_variation() -> None:
    arms = experiment_of(percentage_set()).arms
    assert plain(arms["var_control"].config) == {"mode": "old", "on": False}
    assert plain(arms["var_treatment"].config) == {"mode": "old", "on": True}


def test_an_override_of_nothing_is_ignored() -> None:
    document = percentage_set()
    document["feature_flags"][0]["variations"][1]["overrides"]["colour"] = {"value": "red"}
    assert list(experiment_of(document).arms["var_treatment"].config) == ["mode", "on"]


def test_the_context_is_written_in_the_order_of_the_flag() -> None:
    arm = experiment_of(with_parameters(zeta=1, alpha={"b": 1, "a": [1.5, "é"]})).arms["var_control"]
    assert arm.context_json.decode() == (
        '{"experiment_id":"exp_a","variation_id":"var_control","config":'
        '{"zeta":{"value":1},"alpha":{"value":{"b":1,"a":[1.5,"é"]}}},"is_control":true}'
    )


@pytest.mark.parametrize("value", [-(1 << 63), (1 << 64) - 1, 0.1, "", [[]], {"": {}}])
def test_context_and_config_say_the_same(value: Any) -> None:
    arm = experiment_of(with_parameters(it=value)).arms["var_treatment"]
    assert orjson.loads(arm.context_json)["config"]["it"]["value"] == value == plain(arm.config["it"])


def test_arms_has_every_variation_allocated_only_the_allocated() -> None:
    document = percentage_set()
    document["feature_flags"][0]["variations"].append({"id": "var_spare"})
    document["variations"] = [{"id": "var_top", "feature_flag_id": "flg_a", "overrides": {"on": {"value": True}}}]
    found = experiment_of(document)
    assert set(found.arms) == {"var_control", "var_treatment", "var_spare", "var_top"}
    assert list(found.allocated) == ["var_control", "var_treatment"]
    assert not found.arms["var_spare"].is_control


def test_tiers_stand_by_priority_without_the_fallback() -> None:
    document = segment_set()
    document["segments"] += [{"id": f"seg_{name}", "rules": []} for name in ("last", "first", "free")]
    document["experiments"][0]["allocations"] += [
        {"variation_id": "var_treatment", "segment_id": f"seg_{name}", "priority": priority}
        for name, priority in (("free", None), ("last", 9), ("first", 0))
    ]
    found = experiment_of(document)
    assert [tier.segment_id for tier in found.tiers] == ["seg_first", "seg_phones", "seg_last", "seg_free"]
    assert found.fallback is not None
    assert found.fallback.arm.variation_id == "var_control"


def test_a_fallback_with_a_segment_is_both() -> None:
    document = segment_set()
    document["experiments"][0]["allocations"][1] |= {"segment_id": "seg_phones", "priority": 2}
    found = experiment_of(document)
    assert [(tier.segment_id, tier.is_fallback) for tier in found.tiers] == [("seg_phones", False)] * 2
    assert found.fallback is not None
    assert (found.fallback.segment_id, found.fallback.segment, found.fallback.is_fallback) == (None, None, True)


def test_allocations_of_one_variation_share_its_config_and_say_each_for_itself_who_is_control() -> None:
    document = segment_set()
    document["experiments"][0]["allocations"].append({"variation_id": "var_control", "segment_id": "seg_phones"})
    found = experiment_of(document)
    assert [allocation.arm.is_control for allocation in found.allocations] == [False, True, False]
    assert found.allocations[1].arm.config == found.allocations[2].arm.config
    assert found.arms["var_control"].is_control
    assert found.allocated["var_control"].is_control


def test_percentage_allocations_of_one_variation_are_one_arm() -> None:
    shares = [("var_control", 10, True), ("var_treatment", 50, False), ("var_control", 40, False)]
    allocations = [{"variation_id": id_, "weight": weight, "is_control": control} for id_, weight, control in shares]
    found = experiment_of(percentage_set(allocations=allocations))
    assert found.allocations[0].arm is found.allocations[2].arm is found.allocated["var_control"]


@pytest.mark.parametrize(
    ("config", "subject"),
    [
        (None, "user"),
        ({}, "user"),
        ({"subject": None}, "user"),
        ({"subject": "user"}, "user"),
        ({"subject": "device"}, "device"),
    ],
)
def test_the_subject_is_the_user_unless_the_device_is_asked_for(config: Any, subject: str) -> None:
    assert experiment_of(percentage_set(assignment_config=config)).subject == subject


def test_the_fields_that_decide_are_taken_over() -> None:
    found = experiment_of(percentage_set(current_level=30, levels=[10, 30], updated_at="2026-01-01T02:00:00+01:00"))
    assert (found.id, found.feature_flag_id, found.flow, found.strategy, found.status) == (
        "exp_a",
        "flg_a",
        "authentication",
        "percentage",
        "active",
    )
    assert (found.level, found.updated_at) == (30, "2026-01-01T01:00:00.000000Z")


def test_an_archived_segment_is_not_active() -> None:
    document = segment_set()
    assert [tier.segment and tier.segment.active for tier in experiment_of(document).tiers] == [True]
    document["segments"][0]["status"] = "archived"
    assert [tier.segment and tier.segment.active for tier in experiment_of(document).tiers] == [False]


def parts(value: Any) -> Iterator[Any]:
    yield value
    if isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from parts(getattr(value, name))
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from parts(part)
    elif isinstance(value, tuple):
        for part in value:
            yield from parts(part)


def test_nothing_in_a_snapshot_can_be_changed() -> None:
    documents = [with_parameters(it={"a": [{"b": [1]}]}), {"tenant": "acme", **segment_set()}]
    frozen = (MappingProxyType, tuple, str, bytes, bool, int, float, type(None))
    for part in parts(snapshot_of(*documents)):
        if isinstance(part, msgspec.Struct):
            assert part.__struct_config__.frozen
        else:
            assert isinstance(part, frozen), type(part)


def test_what_serves_a_tenant_without_definitions_can_not_be_changed_either() -> None:
    nothing = snapshot_of().of("acme")
    assert [type(part) for part in (nothing.experiments, nothing.serving)] == [MappingProxyType, MappingProxyType]


def test_shared_yaml_values_are_served_to_both() -> None:
    text = """
    feature_flags:
      - id: flg_a
        status: active
        parameters:
          colours: {type: array, value: &colours [red, {NO: blue}]}
          others: {type: array, value: *colours}
        variations: [{id: var_a}]
    experiments:
      - {id: exp_a, feature_flag_id: flg_a, status: draft, authentication_flow: all, allocation_strategy: percentage}
    """
    snapshot = load_yaml(text).snapshot
    assert snapshot is not None
    config = snapshot.of(None).experiments["exp_a"].arms["var_a"].config
    assert plain(config) == {"colours": ["red", {"NO": "blue"}], "others": ["red", {"NO": "blue"}]}
