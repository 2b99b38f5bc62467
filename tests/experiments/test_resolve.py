"""Snapshots that an experiment carries win over the current entities."""

from __future__ import annotations

from typing import Any

import pytest

from tests.definitions_documents import percentage_set, segment_set
from tests.experiments.loading import codes, experiment_of, load, messages, plain

OLD_PARAMETERS = {"mode": {"type": "string", "value": "ancient"}, "size": {"type": "number", "value": 5}}


def with_variation_snapshot(snapshot: Any) -> dict[str, Any]:
    document = percentage_set()
    document["experiments"][0]["allocations"][1]["variation_snapshot"] = snapshot
    return document


def with_segment_snapshot(snapshot: Any) -> dict[str, Any]:
    document = segment_set()
    document["experiments"][0]["allocations"][0]["segment_snapshot"] = snapshot
    return document


def config(document: dict[str, Any], variation_id: str = "var_treatment") -> Any:
    return plain(experiment_of(document).arms[variation_id].config)


def test_parameters_of_a_flag_snapshot_win() -> None:
    document = percentage_set(feature_flag_snapshot={"parameters": OLD_PARAMETERS})
    document["feature_flags"][0]["variations"][1]["overrides"] = {"mode": {"value": "new"}}
    assert config(document) == {"mode": "new", "size": 5}


@pytest.mark.parametrize("snapshot", [None, {}, {"name": "a"}, {"parameters": None}])
def test_a_flag_snapshot_without_parameters_wins_nothing(snapshot: Any) -> None:
    assert config(percentage_set(feature_flag_snapshot=snapshot)) == {"mode": "old", "on": True}


def test_variations_of_a_flag_snapshot_win_and_add() -> None:
    overrides = {"overrides": {"mode": {"value": "then"}}}
    variations = [{"id": "var_treatment", **overrides}, {"id": "var_gone", **overrides}]
    document = percentage_set(feature_flag_snapshot={"variations": variations})
    assert config(document) == config(document, "var_gone") == {"mode": "then", "on": False}
    assert config(document, "var_control") == {"mode": "old", "on": False}


def test_overrides_of_a_variation_snapshot_win() -> None:
    document = with_variation_snapshot({"id": "var_treatment", "overrides": {"mode": {"value": "then"}}})
    document["experiments"][0]["feature_flag_snapshot"] = {
        "variations": [{"id": "var_treatment", "overrides": {"mode": {"value": "between"}}}]
    }
    assert config(document) == {"mode": "then", "on": False}


@pytest.mark.parametrize("snapshot", [None, {}, {"overrides": None}])
def test_a_variation_snapshot_without_overrides_wins_nothing(snapshot: Any) -> None:
    assert config(with_variation_snapshot(snapshot)) == {"mode": "old", "on": True}


def test_the_first_of_two_snapshots_of_one_variation_is_served() -> None:
    allocations = [
        {"variation_id": "var_treatment", "weight": 50, "variation_snapshot": {"overrides": {"mode": {"value": mode}}}}
        for mode in ("first", "second")
    ]
    assert config(percentage_set(status="draft", allocations=allocations))["mode"] == "first"


def test_what_snapshots_carry_need_not_be_there() -> None:
    document = percentage_set(feature_flag_snapshot={"parameters": OLD_PARAMETERS})
    for allocation in document["experiments"][0]["allocations"]:
        allocation["variation_snapshot"] = {"overrides": {}}
    del document["feature_flags"]
    assert load(document).findings == ()
    assert config(document, "var_control") == {"mode": "ancient", "size": 5}


def test_variations_of_a_flag_that_is_carried_do_not_dangle() -> None:
    document = percentage_set(feature_flag_snapshot={"parameters": OLD_PARAMETERS})
    (flag,) = document.pop("feature_flags")
    document["variations"] = [
        {**variation, "feature_flag_id": "flg_a", "overrides": {}} for variation in flag["variations"]
    ]
    assert load(document).findings == ()


def test_rules_and_status_of_a_segment_snapshot_win() -> None:
    document = with_segment_snapshot({"rules": [{"match": {"country": ["NO"]}}], "status": "archived"})
    (tier,) = experiment_of(document).tiers
    assert tier.segment is not None
    assert [term.attribute for term in tier.segment.rules[0].terms] == ["country"]
    assert not tier.segment.active


def test_a_segment_snapshot_may_carry_only_the_status() -> None:
    (tier,) = experiment_of(with_segment_snapshot({"status": "archived"})).tiers
    assert tier.segment is not None
    assert (tier.segment.active, tier.segment.rules[0].terms[0].attribute) == (False, "device_type")


def test_a_segment_that_is_carried_need_not_be_there() -> None:
    document = with_segment_snapshot({"rules": [{"match": {"country": ["NO"]}}]})
    del document["segments"]
    (tier,) = experiment_of(document).tiers
    assert tier.segment is not None
    assert (tier.segment.id, tier.segment.active) == ("seg_phones", True)


def test_the_status_of_a_flag_snapshot_wins() -> None:
    document = percentage_set(feature_flag_snapshot={"status": "active"})
    document["feature_flags"][0]["status"] = "archived"
    assert load(document).findings == ()
    document["experiments"][0]["feature_flag_snapshot"]["status"] = "draft"
    assert codes(load(document)) == ["feature_flag_not_active"]


def test_a_snapshot_can_not_bring_a_variation_of_another_flag() -> None:
    document = with_variation_snapshot({"feature_flag_id": "flg_b", "overrides": {}})
    assert codes(load(document)) == ["variation_not_from_flag"]


def test_snapshots_are_checked_against_each_other() -> None:
    document = with_variation_snapshot({"overrides": {"mode": {"value": 5}, "colour": {"value": "red"}}})
    below = "experiments[0].allocations[1].variation_snapshot.overrides"
    assert messages(load(document)) == [
        f"{below}.mode.value: found an integer, expected a string as declared",
        f"{below}.colour: the flag has no such parameter, it is ignored",
    ]


def test_baselines_of_a_snapshot_are_checked() -> None:
    parameters = {"mode": {"type": "string", "value": 5}, "on": {"type": "boolean", "value": False}}
    assert messages(load(percentage_set(feature_flag_snapshot={"parameters": parameters}))) == [
        "experiments[0].feature_flag_snapshot.parameters.mode.value: found an integer, expected a string as declared"
    ]


def test_rules_of_a_snapshot_are_checked() -> None:
    assert messages(load(with_segment_snapshot({"rules": [{}]}))) == [
        "experiments[0].allocations[0].segment_snapshot.rules[0]: tests nothing, it never holds"
    ]
