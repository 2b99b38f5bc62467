from __future__ import annotations

from typing import Any

import orjson
import pytest
import yaml

from tests.definitions_documents import percentage_set, segment_set
from tests.experiments.loading import codes, experiment_of, load, load_yaml, messages, snapshot_of
from worker.experiments.definitions import Snapshot
from worker.experiments.parse import parse


def experiment(**changed: Any) -> dict[str, Any]:
    found: dict[str, Any] = percentage_set(**changed)["experiments"][0]
    return found


def with_experiments(*experiments: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {**percentage_set(), "experiments": list(experiments), **keys}


def serving(snapshot: Snapshot, flow: Any = "authentication", tenant: str | None = None) -> str | None:
    found = snapshot.of(tenant).serving.get(flow)
    return None if found is None else found.id


def test_no_files_are_an_empty_snapshot() -> None:
    loaded = parse([])
    assert (loaded.findings, loaded.snapshot and dict(loaded.snapshot.tenants)) == ((), {})


def test_yaml_and_json_of_the_same_definitions_are_the_same_snapshot() -> None:
    document = segment_set()
    assert load_yaml(yaml.safe_dump(document)) == load(document)


def test_references_cross_the_files_of_a_tenant() -> None:
    document = segment_set()
    files = [{"tenant": "acme", kind: entities} for kind, entities in document.items()]
    assert serving(snapshot_of(*files), tenant="acme") == "exp_a"


def test_references_do_not_cross_tenants() -> None:
    document = percentage_set()
    files = [{"tenant": None, "feature_flags": document["feature_flags"]}, {"tenant": "acme", **document}]
    assert load(*files).findings == ()
    del files[1]["feature_flags"]
    assert codes(load(*files)) == ["dangling_reference"] * 3


def test_ids_are_unique_in_a_tenant_not_across() -> None:
    files = [percentage_set(), {"tenant": "acme", **percentage_set()}, {"tenant": "other", **percentage_set()}]
    assert load(*files).findings == ()
    found = load(*files, {"tenant": "acme", "segments": [{"id": "flg_a", "rules": []}]}).findings
    assert [(each.file, each.entity_id, each.message) for each in found] == [
        ("3.json", "flg_a", "segments[0]: the id is that of feature_flags[0] in 1.json"),
    ]


def test_a_tenant_with_a_file_of_its_own_is_not_served_by_those_without() -> None:
    snapshot = snapshot_of(percentage_set(), {"tenant": "acme"})
    assert [serving(snapshot, tenant=tenant) for tenant in (None, "other", "acme")] == ["exp_a", "exp_a", None]


def test_findings_stand_in_the_order_of_the_files() -> None:
    late = {"tenant": "acme", **percentage_set(allocations=[])}
    found = load(late, percentage_set(updated_at=None), {"experiments": 5}, late).findings
    assert [finding.file for finding in found] == sorted(finding.file for finding in found)


def test_experiments_keep_the_order_of_the_files_and_in_them() -> None:
    drafts = [experiment(id=f"exp_{number}", status="draft") for number in (3, 1, 2)]
    snapshot = snapshot_of({"experiments": drafts[:2]}, with_experiments(drafts[2]))
    assert list(snapshot.of(None).experiments) == ["exp_3", "exp_1", "exp_2"]


@pytest.mark.parametrize(
    ("others", "served"),
    [
        ([("paused", "authentication"), ("active", "authentication")], "exp_1"),
        ([("paused", "authentication"), ("paused", "authentication")], "exp_0"),
        ([("paused", "authentication"), ("active", "all")], "exp_1"),
        ([("paused", "all"), ("paused", "authentication")], "exp_1"),
        ([("completed", "authentication"), ("paused", "all")], "exp_1"),
        ([("draft", "authentication"), ("archived", "all")], None),
        ([("active", "mfa_challenge")], None),
    ],
)
def test_a_flow_is_served_active_first_then_paused(others: list[tuple[str, str]], served: str | None) -> None:
    experiments = [
        experiment(id=f"exp_{index}", status=status, authentication_flow=flow)
        for index, (status, flow) in enumerate(others)
    ]
    assert serving(snapshot_of(with_experiments(*experiments))) == served


def test_an_experiment_of_all_flows_serves_each_of_them() -> None:
    snapshot = snapshot_of(percentage_set(authentication_flow="all"))
    assert [serving(snapshot, flow) for flow in ("authentication", "password_reset", "all")] == ["exp_a", "exp_a", None]


@pytest.mark.parametrize(("first", "second"), [("all", "mfa_challenge"), ("mfa_challenge", "all"), ("all", "all")])
def test_an_active_experiment_of_all_flows_is_the_only_active_one(first: str, second: str) -> None:
    others = [experiment(authentication_flow=first), experiment(id="exp_b", authentication_flow=second)]
    loaded = load(with_experiments(*others))
    assert codes(loaded) == ["experiment_active_limit_exceeded"]
    assert messages(loaded) == [
        f"experiments[1]: active for the flow {second}, where 'exp_a' is active too ({first}), expected one"
    ]


def test_different_flows_and_paused_experiments_do_not_share_the_limit() -> None:
    others = [
        experiment(),
        experiment(id="exp_b", authentication_flow="mfa_challenge"),
        experiment(id="exp_c", status="paused"),
    ]
    assert load(with_experiments(*others)).findings == ()


@pytest.mark.parametrize("status", ["draft", "completed", "archived"])
def test_what_does_not_run_need_not_be_ready(status: str) -> None:
    document = percentage_set(status=status, allocations=[{"variation_id": "var_treatment", "weight": 5}])
    document["feature_flags"][0]["status"] = "archived"
    found = experiment_of(document)
    assert [allocation.weight for allocation in found.allocations] == [5]
    assert list(found.arms) == ["var_control", "var_treatment"]


def test_a_draft_may_have_no_allocations() -> None:
    found = experiment_of(percentage_set(status="draft", allocations=[]))
    assert (found.allocations, found.tiers, found.fallback, list(found.allocated)) == ((), (), None, [])


def test_a_paused_experiment_must_be_ready() -> None:
    assert codes(load(percentage_set(status="paused", allocations=[]))) == [
        "experiment_missing_control",
        "experiment_invalid_allocation_weights",
    ]


def test_a_segment_experiment_names_a_segment_or_the_fallback_in_each_allocation() -> None:
    document = segment_set()
    document["experiments"][0]["allocations"].append({"variation_id": "var_treatment", "priority": 2})
    assert messages(load(document)) == ["experiments[0].allocations[2]: no segment_id, expected one, or is_fallback"]


@pytest.mark.parametrize("field", ["variation_id", "segment_id"])
def test_an_allocation_refers_to_what_is_there(field: str) -> None:
    document = segment_set()
    document["experiments"][0]["allocations"][0][field] = "xyz"
    kind = field.removesuffix("_id")
    assert messages(load(document)) == [
        f"experiments[0].allocations[0].{field}: found 'xyz', expected the id of a {kind} of this tenant"
    ]


def test_a_variation_refers_to_a_flag_that_is_there() -> None:
    assert messages(load({"variations": [{"id": "var_a", "feature_flag_id": "flg_a", "overrides": {}}]})) == [
        "variations[0].feature_flag_id: found 'flg_a', expected the id of a feature flag of this tenant"
    ]


def test_a_draft_may_be_split_over_a_variation_of_another_flag() -> None:
    document = percentage_set(status="draft", allocations=[{"variation_id": "var_b", "weight": 100}])
    document["variations"] = [{"id": "var_b", "feature_flag_id": "flg_b", "overrides": {"on": {"value": True}}}]
    document["feature_flags"].append(
        {"id": "flg_b", "status": "active", "parameters": {"on": {"type": "boolean", "value": False}}}
    )
    found = experiment_of(document)
    assert ("var_b" in found.arms, "var_b" in found.allocated) == (False, True)


def test_unknown_fields_are_kept_out_of_the_way() -> None:
    document = percentage_set(new_field={"deep": [1]})
    document["feature_flags"][0]["parameters"]["on"]["unit"] = "none"
    assert load(document).findings == ()


def test_findings_can_be_written_as_json() -> None:
    (finding,) = load(percentage_set(updated_at=None)).findings
    assert orjson.loads(orjson.dumps(finding)) == {
        "file": "0.json",
        "entity_id": "exp_a",
        "code": "missing_updated_at",
        "severity": "warning",
        "message": "experiments[0]: no updated_at, expected one: workers compare their age",
    }


FOLDER = {
    "acme/flags.yaml": """
        tenant: acme
        feature_flags:
          - id: flg_login
            status: active
            parameters: {show_passkeys: {type: boolean, value: false}}
            variations: [{id: var_off}, {id: var_on, overrides: {show_passkeys: {value: true}}}]
    """,
    "acme/segments.json": """
        {"tenant": "acme", "segments": [{"id": "seg_nordic", "rules": [{"match": {"country": ["NO"]}}]}]}
    """,
    "acme/login.yaml": """
        tenant: acme
        experiments:
          - id: exp_login
            feature_flag_id: flg_login
            authentication_flow: authentication
            allocation_strategy: segment
            status: active
            updated_at: 2026-01-03T10:00:00+01:00
            allocations:
              - {variation_id: var_on, segment_id: seg_nordic, priority: 1}
              - {variation_id: var_off, is_fallback: true, is_control: true}
    """,
    "globex/everything.json": orjson.dumps({"tenant": "globex", **percentage_set()}).decode(),
    "rest.yaml": f"# JSON is YAML\n{orjson.dumps(percentage_set(id='exp_rest')).decode()}",
}


def test_a_folder_serves_each_tenant_its_own() -> None:
    loaded = parse([(name, text.encode()) for name, text in FOLDER.items()])
    assert loaded.findings == ()
    assert loaded.snapshot is not None
    served = {tenant: serving(loaded.snapshot, tenant=tenant) for tenant in ("acme", "globex", "initech", None)}
    assert served == {"acme": "exp_login", "globex": "exp_a", "initech": "exp_rest", None: "exp_rest"}


def test_a_folder_without_one_of_its_files_names_what_is_missing() -> None:
    without_segments = [(name, text.encode()) for name, text in FOLDER.items() if name != "acme/segments.json"]
    assert [(found.file, found.entity_id, found.code) for found in parse(without_segments).findings] == [
        ("acme/login.yaml", "exp_login", "dangling_reference")
    ]
