from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from schemas.definitions import ConditionRule, MatchRule
from tests.definitions_documents import segment_set
from tests.experiments.loading import codes, load, messages
from worker.experiments.definitions import Attribute, Rule, Segment, Term
from worker.experiments.definitions import Test as Check  # pytest would collect a Test
from worker.experiments.rules import normalise
from worker.experiments.segments import holds

SPELLED: TypeAdapter[MatchRule | ConditionRule] = TypeAdapter(MatchRule | ConditionRule)


def rules(*spelled: Any) -> tuple[Rule, ...]:
    return normalise([SPELLED.validate_python(rule) for rule in spelled])


def condition(attribute: str, operator: str, *value: Any) -> dict[str, Any]:
    return {"attribute": attribute, "operator": operator, **({"value": value[0]} if value else {})}


def conditions(match_type: str, *spelled: dict[str, Any]) -> dict[str, Any]:
    return {"match_type": match_type, "conditions": list(spelled)}


@pytest.mark.parametrize(
    ("match", "condition"),
    [
        ({"match": {"country": ["NO"]}}, condition("country", "equals", "NO")),
        ({"not_match": {"country": ["NO"]}}, condition("country", "not_equals", "NO")),
        ({"match": {"country": ["NO", "SE"]}}, condition("country", "in", ["NO", "SE"])),
        ({"not_match": {"country": ["NO", "SE"]}}, condition("country", "not_in", ["NO", "SE"])),
        ({"match": {"country": {"exists": True}}}, condition("country", "exists")),
        ({"match": {"country": {"exists": True}}}, condition("country", "exists", True)),
        ({"match": {"country": {"exists": False}}}, condition("country", "exists", False)),
        ({"not_match": {"country": {"exists": True}}}, condition("country", "not_exists")),
    ],
)
def test_the_two_spellings_are_the_same_rule(match: dict[str, Any], condition: dict[str, Any]) -> None:
    assert rules(match) == rules(conditions("all", condition)) == rules(conditions("any", condition))


def test_all_conditions_are_one_rule_any_of_them_several() -> None:
    both = [condition("country", "equals", "NO"), condition("domain", "exists")]
    assert rules(conditions("all", *both)) == rules({"match": {"country": ["NO"], "domain": {"exists": True}}})
    assert rules(conditions("any", *both)) == rules(
        {"match": {"country": ["NO"]}}, {"match": {"domain": {"exists": True}}}
    )


def test_every_operator_of_an_expression_is_a_test() -> None:
    expression = {"exists": True, "ends_with": ["c"], "starts_with": ["b"], "contains": ["a"]}
    tests = (
        Check("contains", ("a",)),
        Check("starts_with", ("b",)),
        Check("ends_with", ("c",)),
        Check("exists", expected=True),
    )
    assert rules({"not_match": {"domain": expression}}) == (Rule((Term("domain", tests, negated=True),)),)


def test_the_order_of_attributes_says_nothing() -> None:
    one, other = {"country": ["NO"], "domain": ["a"]}, {"domain": ["a"], "country": ["NO"]}
    assert rules({"match": one, "not_match": other}) == rules({"not_match": one, "match": other})


NOTHING: list[Any] = [
    {},
    {"match": None},
    {"match": {}, "not_match": {}},
    {"match": {"country": []}},
    {"match": {"country": {}}},
    {"match": {"domain": ["a"], "country": {"contains": [], "exists": True}}},
    {"not_match": {"country": []}},
    {"not_match": {"country": {"contains": []}}},
    conditions("all"),
    conditions("any"),
    conditions("all", condition("country", "in", [])),
    conditions("any", condition("country", "not_in", []), condition("domain", "equals", "a")),
]


@pytest.mark.parametrize("rule", NOTHING)
def test_a_rule_that_tests_nothing_is_found(rule: Any) -> None:
    document = segment_set()
    document["segments"][0]["rules"] = [{"match": {"country": ["NO"]}}, rule]
    loaded = load(document)
    assert messages(loaded) == ["segments[0].rules[1]: tests nothing, it never holds"]


def test_what_excludes_nothing_leaves_the_rest_of_its_rule() -> None:
    with_empty = {"match": {"domain": ["a"]}, "not_match": {"country": []}}
    assert rules(with_empty) == rules({"match": {"domain": ["a"]}})
    document = segment_set()
    document["segments"][0]["rules"] = [with_empty]
    assert codes(load(document)) == []


texts = st.sampled_from(["NO", "SE", "no", "", "x.com"])
attributes = st.sampled_from(["country", "domain", "region"])
spelled_conditions = st.one_of(
    st.builds(condition, attributes, st.sampled_from(["equals", "not_equals"]), texts),
    st.builds(condition, attributes, st.sampled_from(["in", "not_in"]), st.lists(texts, min_size=1)),
    st.builds(condition, attributes, st.sampled_from(["exists", "not_exists"])),
)
requests = st.dictionaries(attributes, texts)


def as_match(spelled: dict[str, Any]) -> dict[str, Any]:
    """Spell a condition as a rule of its own."""
    value = spelled.get("value", {"exists": True})
    expression = [value] if isinstance(value, str) else value
    key = "not_match" if spelled["operator"].startswith("not_") else "match"
    return {key: {spelled["attribute"]: expression}}


def in_segment(found: tuple[Rule, ...], request: dict[Any, str]) -> bool:
    def attribute(name: Attribute) -> str | None:
        return request.get(name)

    return holds(Segment("seg_a", active=True, rules=found), attribute)


@settings(deadline=None)
@given(st.lists(spelled_conditions, min_size=1, max_size=4), requests)
def test_any_of_some_conditions_is_any_of_their_rules(spelled: list[dict[str, Any]], request: dict[Any, str]) -> None:
    by_rule = [in_segment(rules(as_match(each)), request) for each in spelled]
    assert in_segment(rules(*map(as_match, spelled)), request) is any(by_rule)
    assert in_segment(rules(conditions("any", *spelled)), request) is any(by_rule)


@settings(deadline=None)
@given(st.lists(spelled_conditions, min_size=1, max_size=4), requests)
def test_all_of_some_conditions_is_all_of_their_rules(spelled: list[dict[str, Any]], request: dict[Any, str]) -> None:
    by_rule = [in_segment(rules(as_match(each)), request) for each in spelled]
    assert in_segment(rules(conditions("all", *spelled)), request) is all(by_rule)


@settings(deadline=None)
@given(spelled_conditions, requests)
def test_a_negative_condition_holds_where_its_positive_does_not(
    spelled: dict[str, Any], request: dict[Any, str]
) -> None:
    operator = spelled["operator"]
    opposite = operator.removeprefix("not_") if operator.startswith("not_") else f"not_{operator}"
    held = in_segment(rules(conditions("all", spelled)), request)
    assert in_segment(rules(conditions("all", {**spelled, "operator": opposite})), request) is not held
