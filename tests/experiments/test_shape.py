from __future__ import annotations

from typing import Any

import pytest

from tests.definitions_documents import percentage_set, segment_set
from tests.experiments.loading import load, messages
from worker.experiments.parse import parse


def segment_with(rule: Any) -> dict[str, Any]:
    document = segment_set()
    document["segments"][0]["rules"] = [rule]
    return document


def condition(**changed: Any) -> dict[str, Any]:
    return {
        "match_type": "all",
        "conditions": [{"attribute": "country", "operator": "equals", "value": "DE", **changed}],
    }


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"current_level": "80"}, "experiments[0].current_level: found a string, expected an integer"),
        ({"current_level": True}, "experiments[0].current_level: found a boolean, expected an integer"),
        ({"current_level": 80.0}, "experiments[0].current_level: found a number, expected an integer"),
        ({"current_level": 101}, "experiments[0].current_level: found 101, expected at most 100"),
        ({"current_level": -1}, "experiments[0].current_level: found -1, expected at least 0"),
        (
            {"levels": [10, 10]},
            "experiments[0].levels: found an array, expected levels that increase from one to the next",
        ),
        (
            {"levels": [50, 10]},
            "experiments[0].levels: found an array, expected levels that increase from one to the next",
        ),
        ({"name": 5}, "experiments[0].name: found an integer, expected a string"),
        ({"is_valid": "yes"}, "experiments[0].is_valid: found a string, expected a boolean"),
        ({"allocations": {}}, "experiments[0].allocations: found an object, expected an array"),
        ({"allocations": [5]}, "experiments[0].allocations[0]: found an integer, expected an object"),
        ({"allocations": [{}]}, "experiments[0].allocations[0].variation_id: missing"),
        (
            {"feature_flag_id": ""},
            "experiments[0].feature_flag_id: found '', expected a string that is not empty",
        ),
        (
            {"updated_at": "yesterday"},
            "experiments[0].updated_at: found a string, expected a date and time of RFC 3339",
        ),
        (
            {"updated_at": "2026-02-30T00:00:00Z"},
            "experiments[0].updated_at: found a string, expected a date and time of RFC 3339",
        ),
        (
            {"status": "actve"},
            "experiments[0].status: found 'actve', expected 'draft', 'active', 'paused', 'completed' or 'archived'",
        ),
        (
            {"assignment_config": {"subject": "browser"}},
            "experiments[0].assignment_config.subject: found 'browser', expected 'device' or 'user'",
        ),
        (
            {"feature_flag_snapshot": {"parameters": []}},
            "experiments[0].feature_flag_snapshot.parameters: found an array, expected an object",
        ),
    ],
)
def test_a_wrong_value_is_named_with_its_path(changed: dict[str, Any], message: str) -> None:
    assert messages(load(percentage_set(**changed))) == [message]


ATTRIBUTES = (
    "'client_id', 'connection', 'connection_type', 'organization_id', 'domain', 'device_type', 'browser', 'platform', "
    "'user_agent', 'country' or 'region'"
)
WORDS = "contains, starts_with, ends_with, exists"
OPERATORS = "'equals', 'not_equals', 'in', 'not_in', 'exists' or 'not_exists'"


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("DE", "[0]: found a string, expected an object of match and not_match, or of match_type and conditions"),
        ({"mach": {}}, "[0]: found an object, expected only match, not_match in it, not 'mach'"),
        ({"match": []}, "[0].match: found an array, expected an object"),
        ({"match": {"city": ["x"]}}, f"[0].match.city: found 'city', expected {ATTRIBUTES}"),
        (
            {"match": {"country": "DE"}},
            f"[0].match.country: found a string, expected an array of strings, or an object of {WORDS}",
        ),
        ({"not_match": {"country": ["DE", 5]}}, "[0].not_match.country[1]: found an integer, expected a string"),
        (
            {"match": {"country": {"contians": ["x"]}}},
            f"[0].match.country: found an object, expected only {WORDS} in it, not 'contians'",
        ),
        ({"match": {"country": {"exists": "no"}}}, "[0].match.country.exists: found a string, expected a boolean"),
        ({"conditions": []}, "[0].match_type: missing"),
        ({"match_type": "none", "conditions": []}, "[0].match_type: found 'none', expected 'all' or 'any'"),
        (condition(attribute="city"), f"[0].conditions[0].attribute: found 'city', expected {ATTRIBUTES}"),
        (condition(operator="is"), f"[0].conditions[0].operator: found 'is', expected {OPERATORS}"),
        (condition(value=["DE"]), "[0].conditions[0].value: found an array, expected a string"),
        (condition(value=None), "[0].conditions[0].value: found null, expected a string"),
        (condition(operator="in"), "[0].conditions[0].value: found a string, expected an array of strings"),
        (
            condition(operator="not_in", value=[5]),
            "[0].conditions[0].value: found an array, expected an array of strings",
        ),
        (condition(operator="exists"), "[0].conditions[0].value: found a string, expected no value, or a boolean"),
        (
            condition(negate=True),
            "[0].conditions[0]: found an object, expected only attribute, operator, value in it, not 'negate'",
        ),
    ],
)
def test_a_wrong_rule_is_named_with_what_is_right(rule: Any, message: str) -> None:
    assert messages(load(segment_with(rule))) == [f"segments[0].rules{message}"]


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("experiment", "did you mean experiments?"),
        ("featureFlags", "did you mean feature_flags?"),
        ("audiences", "expected one of tenant, feature_flags, variations, segments, experiments"),
    ],
)
def test_an_unknown_key_at_the_top_is_refused(key: str, hint: str) -> None:
    assert messages(load({key: []})) == [f"{key}: no such key; {hint}"]


def test_keys_for_anchors_and_the_schema_are_no_definitions() -> None:
    assert load({"$schema": "https://example.com/s.json", "x-parts": [5]}).findings == ()


@pytest.mark.parametrize(
    ("document", "found"), [([], "an array"), ("x", "a string"), (5, "an integer"), (True, "a boolean")]
)
def test_a_document_is_an_object(document: Any, found: str) -> None:
    assert messages(load(document)) == [f"found {found}, expected an object"]


@pytest.mark.parametrize("tenant", [5, "", ["acme"]])
def test_a_tenant_is_named_by_a_string(tenant: Any) -> None:
    (message,) = messages(load({**percentage_set(), "tenant": tenant}))
    assert message.startswith("tenant: ")


def test_a_kind_is_an_array_of_objects() -> None:
    found = messages(load({**percentage_set(), "segments": {}, "variations": [5]}))
    assert found == [
        "variations[0]: found an integer, expected an object",
        "segments: found an object, expected an array",
    ]


def test_a_kind_that_is_null_defines_nothing() -> None:
    assert load({"tenant": None, "segments": None, "experiments": None}).findings == ()


def test_a_nested_variation_is_of_its_flag() -> None:
    document = percentage_set()
    document["feature_flags"][0]["variations"][1]["feature_flag_id"] = "flg_other"
    assert messages(load(document)) == [
        "feature_flags[0].variations: found an array, expected variations of this flag",
    ]


def test_a_variation_at_the_top_names_its_flag() -> None:
    assert messages(load({"variations": [{"id": "var_a"}]})) == ["variations[0].feature_flag_id: missing"]


@pytest.mark.parametrize(
    ("declared", "value", "message"),
    [
        ("string", 5, "found an integer, expected a string as declared"),
        ("boolean", 1, "found an integer, expected a boolean as declared"),
        ("number", True, "found a boolean, expected a number as declared"),
        ("number", "5", "found a string, expected a number as declared"),
        ("array", {}, "found an object, expected an array as declared"),
        ("object", None, "found null, expected an object as declared"),
        ("number", 1 << 64, "found an integer beyond 64 bits, expected at most 64"),
        ("object", {"a": [-(1 << 63) - 1]}, "found an integer beyond 64 bits, expected at most 64"),
    ],
)
def test_a_baseline_is_of_its_declared_type(declared: str, value: Any, message: str) -> None:
    parameters = {"mode": {"type": "string", "value": "a"}, "size": {"type": declared, "value": value}}
    document = {"id": "flg_a", "status": "active", "parameters": parameters}
    text = str({"feature_flags": [document]}).replace("True", "true").replace("None", "null")
    assert messages(parse([("0.yaml", text.encode())])) == [f"feature_flags[0].parameters.size.value: {message}"]


@pytest.mark.parametrize("value", [5, 5.5, -(1 << 63), (1 << 64) - 1])
def test_a_number_may_be_whole_or_not(value: float) -> None:
    parameters = {"size": {"type": "number", "value": value}}
    assert load({"feature_flags": [{"id": "flg_a", "status": "draft", "parameters": parameters}]}).findings == ()


def test_an_override_is_of_the_declared_type() -> None:
    document = percentage_set()
    document["feature_flags"][0]["variations"][1]["overrides"]["on"]["value"] = "yes"
    assert messages(load(document)) == [
        "feature_flags[0].variations[1].overrides.on.value: found a string, expected a boolean as declared",
    ]


@pytest.mark.parametrize(
    ("misspelt", "meant"),
    [("curent_level", "current_level"), ("assignment_confg", "assignment_config"), ("start_at", "started_at")],
)
def test_a_field_that_is_nearly_a_known_one_is_refused(misspelt: str, meant: str) -> None:
    found = messages(load(percentage_set(**{misspelt: None})))
    assert found == [f"experiments[0].{misspelt}: no such field; did you mean {meant}?"]


def test_a_misspelt_field_of_an_allocation_is_refused() -> None:
    document = percentage_set()
    allocation = document["experiments"][0]["allocations"][0]
    allocation["wieght"] = allocation.pop("weight")
    (message,) = messages(load(document))
    assert message == "experiments[0].allocations[0].wieght: no such field; did you mean weight?"


@pytest.mark.parametrize("unknown", ["owner", "tags", "created_by", "x-anchor"])
def test_fields_that_resemble_none_are_kept(unknown: str) -> None:
    assert messages(load(percentage_set(**{unknown: "a"}))) == []
