from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from tests.definitions_documents import percentage_set, segment_set
from tests.experiments.loading import experiment_of, load_yaml, snapshot_of


def sets() -> dict[str, Any]:
    """Both kinds of experiment in one set: the segment experiment is a draft."""
    document, other = percentage_set(), segment_set(id="exp_b", status="draft")
    return {**document, "segments": other["segments"], "experiments": document["experiments"] + other["experiments"]}


def revisions(document: dict[str, Any]) -> list[str]:
    return [each.revision for each in snapshot_of(document).of(None).experiments.values()]


def changed(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    document = deepcopy(sets())
    change(document)
    return document


@pytest.mark.parametrize(
    "change",
    [
        lambda it: it["experiments"][0].update(name="other", description="x", updated_at="2027-01-01T00:00:00Z"),
        lambda it: it["experiments"][0].update(status="paused", started_at="2026-01-01T00:00:00Z"),
        lambda it: it["experiments"][0].update(levels=[10, 20], unknown=5),
        lambda it: it["feature_flags"][0].update(name="other", created_at="2026-01-01T00:00:00Z"),
        lambda it: it["feature_flags"][0]["variations"].reverse(),
        lambda it: it["feature_flags"][0]["variations"][0].update(name="other"),
        lambda it: it["feature_flags"][0]["parameters"]["mode"].update(description="x"),
        lambda it: it["segments"][0].update(name="other", description="x"),
    ],
)
def test_what_decides_nothing_leaves_the_revision(change: Callable[[dict[str, Any]], object]) -> None:
    assert revisions(changed(change)) == revisions(sets())


@pytest.mark.parametrize(
    ("index", "change"),
    [
        (0, lambda it: it["experiments"][0].update(id="exp_c")),
        (0, lambda it: it["experiments"][0].update(current_level=50)),
        (0, lambda it: it["experiments"][0].update(authentication_flow="all")),
        (0, lambda it: it["experiments"][0].update(assignment_config={"subject": "device"})),
        (0, lambda it: it["experiments"][0]["allocations"].reverse()),
        (
            0,
            lambda it: it["experiments"][0]["allocations"][0].update(
                variation_snapshot={"overrides": {"on": {"value": True}}}
            ),
        ),
        (0, lambda it: it["feature_flags"][0]["parameters"]["mode"].update(value="new")),
        (0, lambda it: it["feature_flags"][0]["variations"][1].update(overrides={})),
        (1, lambda it: it["segments"][0].update(status="archived")),
        (1, lambda it: it["segments"][0]["rules"][0]["match"].update(device_type=["tablet"])),
        (1, lambda it: it["segments"][0]["rules"].append({"match": {"country": ["NO"]}})),
        (1, lambda it: it["experiments"][1]["allocations"][0].update(priority=2)),
    ],
)
def test_what_decides_changes_the_revision(index: int, change: Callable[[dict[str, Any]], object]) -> None:
    assert revisions(changed(change))[index] != revisions(sets())[index]


def test_a_revision_is_the_same_in_every_process() -> None:
    text = """
    feature_flags: [{id: f, status: active, parameters: {p: {type: number, value: 1.5}}, variations: [{id: v}]}]
    segments: [{id: s, rules: [{not_match: {country: [NO]}}]}]
    experiments:
      - {id: e, feature_flag_id: f, status: draft, authentication_flow: all, allocation_strategy: segment,
         allocations: [{variation_id: v, segment_id: s, priority: 1}]}
    """
    snapshot = load_yaml(text).snapshot
    assert snapshot is not None
    assert (snapshot.of(None).experiments["e"].revision, snapshot.revision) == ("bcaf7f780dfa3b67", "7a16762ebdbf170d")


def test_weights_change_the_revision() -> None:
    halves = [
        {"variation_id": id_, "weight": 50, "is_control": id_ == "var_control"}
        for id_ in ("var_control", "var_treatment")
    ]
    assert experiment_of(percentage_set(allocations=halves)).revision != experiment_of(percentage_set()).revision


def test_neither_files_nor_their_order_nor_their_kind_change_the_revision() -> None:
    document = segment_set()
    apart = [{kind: entities} for kind, entities in document.items()]
    from_yaml = load_yaml(str(document).replace("True", "true").replace("False", "false")).snapshot
    assert from_yaml is not None
    found = {snapshot_of(document).revision, snapshot_of(*apart).revision, snapshot_of(*apart[::-1]).revision}
    assert found == {from_yaml.revision}


def test_the_revision_of_a_snapshot_is_that_of_all_tenants_with_their_status() -> None:
    other = {"tenant": "acme", **segment_set()}
    found = {
        snapshot_of(percentage_set()).revision,
        snapshot_of(other).revision,
        snapshot_of(percentage_set(), other).revision,
        snapshot_of({"tenant": "acme", **percentage_set()}).revision,
        snapshot_of(percentage_set(status="paused")).revision,
        snapshot_of().revision,
    }
    assert len(found) == 6
