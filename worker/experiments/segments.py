"""Does a request belong to a segment? Asked for every event: plain loops, generators would take three times as long."""

from __future__ import annotations

from collections.abc import Callable

from worker.experiments.definitions import Attribute, Rule, Segment, Term, Test

Lookup = Callable[[Attribute], str | None]


def holds(segment: Segment, attribute: Lookup) -> bool:
    """Tell whether the request is in the segment: it is active and any of its rules holds.

    `attribute` returns what the request has under a name, None if that is missing; it is asked only for what a rule
    needs. Comparisons are exact and case-sensitive.
    """
    if segment.active:
        for rule in segment.rules:
            if rule_holds(rule, attribute):
                return True
    return False


def rule_holds(rule: Rule, attribute: Lookup) -> bool:
    """Tell whether every term of the rule holds; `attribute` as in `holds`."""
    for term in rule.terms:
        if not term_holds(term, attribute(term.attribute)):
            return False
    return bool(rule.terms)


def term_holds(term: Term, value: str | None) -> bool:
    """Tell whether a term holds for a value: a missing one fails every positive test, so what is negated holds."""
    if not term.tests:
        return False
    for test in term.tests:
        if not _test_holds(test, value):
            return term.negated
    return not term.negated


def _test_holds(test: Test, value: str | None) -> bool:
    operator = test.operator
    if operator == "exists":
        return (value is not None) is test.expected
    if value is None:
        return False
    if operator == "equals":
        return value in test.values
    if operator == "starts_with":
        return value.startswith(test.values)
    if operator == "ends_with":
        return value.endswith(test.values)
    return any(part in value for part in test.values)
