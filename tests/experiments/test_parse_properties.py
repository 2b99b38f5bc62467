from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.definitions_documents import percentage_set, segment_set
from tests.experiments.loading import experiment_of, plain
from worker.experiments.parse import Loaded, parse

names = st.text(min_size=1, max_size=5)


def json_values(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    numbers = st.integers(-(1 << 63), (1 << 64) - 1) | st.floats(allow_nan=False, allow_infinity=False)
    return st.recursive(
        st.none() | st.booleans() | numbers | texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=5,
    )


values = json_values(st.text())
KINDS: dict[type, str] = {str: "string", bool: "boolean", int: "number", float: "number", list: "array", dict: "object"}


def answers(loaded: Loaded) -> bool:
    """Tell whether there is a snapshot exactly where no finding is an error."""
    return (loaded.snapshot is None) is any(finding.severity == "error" for finding in loaded.findings)


@settings(deadline=None)
@given(st.sampled_from(["a.yaml", "a.json"]), st.binary())
def test_any_bytes_are_findings_or_a_snapshot(name: str, content: bytes) -> None:
    assert answers(parse([(name, content)]))


@settings(deadline=None)
@given(st.text(alphabet="{}[]:,-&*!|>'\"#%@?<~. \n\tax05"))
def test_any_yaml_is_findings_or_a_snapshot(text: str) -> None:
    assert answers(parse([("a.yaml", text.encode())]))


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(below for name, part in items for below in paths(part, (*path, name)))]


def full_set() -> dict[str, Any]:
    """A set in which everything that a document can have is there."""
    document = segment_set(
        feature_flag_snapshot={
            "status": "active",
            "parameters": {"on": {"type": "boolean", "value": False}},
            "variations": [],
        },
        assignment_config={"subject": "user"},
        levels=[10, 100],
        current_level=10,
    )
    allocation = document["experiments"][0]["allocations"][0]
    conditions = [{"attribute": "country", "operator": "in", "value": ["NO"]}]
    allocation["segment_snapshot"] = {"status": "active", "rules": [{"match_type": "any", "conditions": conditions}]}
    allocation["variation_snapshot"] = {"feature_flag_id": "flg_a", "overrides": {"on": {"value": True}}}
    document["variations"] = [{"id": "var_top", "feature_flag_id": "flg_a", "overrides": {}}]
    return {"tenant": "acme", **document}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(paths(full_set())[1:]), values)
def test_whatever_stands_anywhere_is_findings_or_a_snapshot(path: tuple[Any, ...], value: Any) -> None:
    document = full_set()
    parent: Any = document
    for step in path[:-1]:
        parent = parent[step]
    parent[path[-1]] = value
    assert answers(parse([("a.json", orjson.dumps(document))]))


@settings(deadline=None)
@given(st.dictionaries(names, st.tuples(values, values)), st.sets(names))
def test_the_config_holds_every_parameter_and_nothing_else(
    parameters: dict[str, tuple[Any, Any]], overridden: set[str]
) -> None:
    usable = {name: pair for name, pair in parameters.items() if None not in pair and type(pair[0]) is type(pair[1])}
    document = percentage_set()
    flag = document["feature_flags"][0]
    flag["parameters"] = {name: {"type": KINDS[type(base)], "value": base} for name, (base, _) in usable.items()}
    overrides = {name: usable[name][1] if name in usable else 5 for name in overridden | set(list(usable)[::2])}
    flag["variations"][1]["overrides"] = {name: {"value": value} for name, value in overrides.items()}
    arms = experiment_of(document).arms
    assert plain(arms["var_control"].config) == {name: base for name, (base, _) in usable.items()}
    assert plain(arms["var_treatment"].config) == {
        name: overrides.get(name, base) for name, (base, _) in usable.items()
    }


@settings(deadline=None)
@given(json_values(st.text(st.characters(min_codepoint=32, max_codepoint=126))))
def test_json_is_read_as_yaml_too(value: Any) -> None:
    document = percentage_set(status="draft")
    document["feature_flags"][0]["parameters"] = {"it": {"type": KINDS.get(type(value), "string"), "value": value}}
    document["feature_flags"][0]["variations"][1]["overrides"] = {}
    content = orjson.dumps(document)
    one, other = parse([("a.yaml", content)]), parse([("a.json", content)])
    assert (one.snapshot, [it.message for it in one.findings]) == (
        other.snapshot,
        [it.message for it in other.findings],
    )
