"""The compatibility check finds every way to break a reader or a writer, and lets the rest pass."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from tests.schemas.checking import SCHEMAS
from tests.schemas.compatibility import breaches


def changed(name: str, *path: str, to: Any = None, drop: bool = False) -> dict[str, Any]:
    """The schema of that name with one place of it replaced or left out."""
    found = deepcopy(SCHEMAS[name])
    parent: Any = found
    for step in path[:-1]:
        parent = parent[step]
    if drop:
        del parent[path[-1]]
    else:
        parent[path[-1]] = to
    return found


def output(*path: str, **change: Any) -> list[str]:
    return breaches("output", SCHEMAS["exposure"], changed("exposure", *path, **change))


def accepted(*path: str, **change: Any) -> list[str]:
    return breaches("input", SCHEMAS["trigger-event"], changed("trigger-event", *path, **change))


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_a_schema_breaks_nothing_of_itself(name: str) -> None:
    assert breaches("output", SCHEMAS[name], SCHEMAS[name]) == breaches("input", SCHEMAS[name], SCHEMAS[name]) == []


def test_an_output_may_get_new_fields_and_other_descriptions() -> None:
    assert output("properties", "score", to={"type": "number"}) == []
    assert output("properties", "reason", "description", to="another text") == []
    assert output("properties", "reason", "enum", to=["split", "sticky"]) == []


def test_an_output_may_lose_no_field() -> None:
    assert output("properties", "reason", drop=True) == ["reason: is gone"]


def test_an_output_field_may_not_become_optional() -> None:
    required = [name for name in SCHEMAS["exposure"]["required"] if name != "is_control"]
    assert output("required", to=required) == ["is_control: may be absent now"]


def test_an_output_field_may_not_become_null_or_of_another_type() -> None:
    nullable = {"anyOf": [{"type": "boolean"}, {"type": "null"}]}
    assert output("properties", "is_control", to=nullable) == ["is_control: may be null now"]
    assert output("properties", "is_control", to={"type": "string"}) == ["is_control: may be string now"]
    assert output("properties", "is_control", to={}) == ["is_control: may be of any type now"]


def test_an_outputs_closed_list_may_not_widen() -> None:
    words = [*SCHEMAS["exposure"]["properties"]["reason"]["enum"], "guessed"]
    assert output("properties", "reason", "enum", to=words) == ["reason: may be guessed now"]
    assert output("properties", "reason", "enum", drop=True) == ["reason: may be any word now"]


def test_an_output_may_not_lose_a_rule_of_its_values() -> None:
    assert output("properties", "exposure_id", "format", drop=True) == ["exposure_id: may be without format=uuid now"]


def test_it_looks_into_what_is_nested() -> None:
    schema = changed("commands", "$defs", "Command", "properties", "method", drop=True)
    assert breaches("output", SCHEMAS["commands"], schema) == ["commands.[].method: is gone"]
    schema = changed("summary", "properties", "warnings", "propertyNames", "enum", to=["definitions_behind", "guessed"])
    assert breaches("output", SCHEMAS["summary"], schema) == ["warnings.{key}: may be guessed now"]


def test_an_input_may_get_wider_and_forget_fields() -> None:
    assert accepted("properties", "trigger", "enum", to=["post_challenge", *TRIGGERS]) == []
    assert accepted("properties", "id", drop=True) == []
    assert accepted("properties", "region", to={"type": "string"}) == []


TRIGGERS = SCHEMAS["trigger-event"]["properties"]["trigger"]["enum"]


def test_an_input_may_not_demand_more() -> None:
    assert accepted("required", to=["trigger", "event", "id"]) == ["id: is required now"]
    both = changed("trigger-event", "properties", "region", to={"type": "string"})
    both["required"] = ["trigger", "event", "region"]
    assert breaches("input", SCHEMAS["trigger-event"], both) == ["region: is required now"]


def test_an_input_may_not_get_narrower() -> None:
    assert accepted("properties", "trigger", "enum", to=TRIGGERS[:2]) == [
        "trigger: may be post_user_registration no more"
    ]
    only_text = {"type": "string", "minLength": 1}
    assert accepted("properties", "id", to=only_text) == ["id: may be null no more"]
    longer = {"anyOf": [{"type": "string", "minLength": 8}, {"type": "null"}]}
    assert accepted("properties", "id", to=longer) == ["id: must keep to minLength=8 now"]
