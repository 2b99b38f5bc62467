from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from worker.experiments.definitions import Attribute, Rule, Segment, Term
from worker.experiments.definitions import Test as Check  # pytest would collect a Test
from worker.experiments.segments import holds

HERE = {"country": "NO", "domain": "login.example.com", "client_id": ""}


def segment(*rules: Rule, active: bool = True) -> Segment:
    return Segment("seg_a", active, rules)


def term(attribute: Attribute, *tests: Check, negated: bool = False) -> Term:
    return Term(attribute, tests, negated)


def in_segment(*terms: Term, request: Mapping[Any, str] = HERE) -> bool:
    return holds(segment(Rule(terms)), request.get)


@pytest.mark.parametrize(
    ("test", "held"),
    [
        (Check("equals", ("SE", "NO")), True),
        (Check("equals", ("SE", "no")), False),
        (Check("equals", ("N",)), False),
        (Check("equals"), False),
        (Check("contains", ("x", "N")), True),
        (Check("contains", ("n",)), False),
        (Check("starts_with", ("S", "N")), True),
        (Check("starts_with", ("O",)), False),
        (Check("ends_with", ("E", "O")), True),
        (Check("ends_with", ("N",)), False),
        (Check("exists", expected=True), True),
        (Check("exists", expected=False), False),
    ],
)
def test_an_operator_fits_any_of_its_strings_exactly(test: Check, *, held: bool) -> None:
    assert in_segment(term("country", test)) is held
    assert in_segment(term("country", test, negated=True)) is not held


@pytest.mark.parametrize("operator", ["equals", "contains", "starts_with", "ends_with"])
def test_a_missing_attribute_fails_every_positive_test(operator: Any) -> None:
    assert not in_segment(term("region", Check(operator, ("",))))
    assert in_segment(term("region", Check(operator, ("",)), negated=True))


def test_existence_is_about_the_missing_not_the_empty() -> None:
    assert in_segment(term("client_id", Check("exists", expected=True)))
    assert in_segment(term("region", Check("exists", expected=False)))
    assert not in_segment(term("region", Check("exists", expected=True)))
    assert not in_segment(term("region", Check("exists", expected=False), negated=True))


def test_all_tests_of_a_term_must_hold() -> None:
    both = [Check("starts_with", ("login.",)), Check("ends_with", (".com",))]
    one = [Check("starts_with", ("login.",)), Check("ends_with", (".org",))]
    assert in_segment(term("domain", *both))
    assert not in_segment(term("domain", *one))
    assert in_segment(term("domain", *one, negated=True))


def test_all_terms_of_a_rule_must_hold() -> None:
    right, wrong = term("country", Check("equals", ("NO",))), term("domain", Check("equals", ("x",)))
    assert in_segment(right, right)
    assert not in_segment(right, wrong)


def test_any_rule_is_enough() -> None:
    right, wrong = (Rule((term("country", Check("equals", (country,))),)) for country in ("NO", "SE"))
    assert holds(segment(wrong, right), HERE.get)
    assert not holds(segment(wrong, wrong), HERE.get)
    assert not holds(segment(), HERE.get)


def test_a_rule_that_tests_nothing_never_holds() -> None:
    assert not in_segment()
    assert not in_segment(term("country"))
    assert not in_segment(term("country", negated=True))


def test_an_archived_segment_never_holds() -> None:
    rule = Rule((term("country", Check("exists")),))
    assert holds(segment(rule), HERE.get)
    assert not holds(segment(rule, active=False), HERE.get)


def test_attributes_are_asked_for_only_when_needed() -> None:
    asked: list[str] = []

    def attribute(name: Attribute) -> str | None:
        asked.append(name)
        return HERE.get(name)

    costly = Rule((term("country", Check("equals", ("SE",))), term("browser", Check("exists"))))
    cheap = Rule((term("domain", Check("exists")),))
    assert holds(segment(costly, cheap), attribute)
    assert asked == ["country", "domain"]
