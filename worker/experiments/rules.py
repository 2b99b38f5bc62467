"""The rules of segments: two spellings in the documents, one in the engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import assert_never

from schemas.definitions import Condition, ConditionRule, Expression, MatchRule, SegmentAttribute
from schemas.definitions import Rule as SpelledRule
from worker.experiments.definitions import Rule, Term, Test
from worker.experiments.entities import Entities
from worker.experiments.findings import Finding, Place
from worker.experiments.resolve import Resolved

_NEGATED_OPERATORS = {"not_equals", "not_in", "not_exists"}


def normalise(rules: Sequence[SpelledRule]) -> tuple[Rule, ...]:
    """Return the rules as the engine reads them; `any` of n conditions is n rules."""
    return tuple(rule for spelled in rules for rule in _normalise(spelled))


def check_rules(entities: Entities, experiments: Sequence[Resolved]) -> Iterator[Finding]:
    """Yield the rules that never hold because they, or an attribute in them, test nothing."""
    for entry in entities.segments.values():
        yield from _empty(entry.place.below("rules"), entry.value.rules)
    for targeted in (targeted for resolved in experiments for targeted in resolved.segments if targeted):
        yield from _empty(targeted.place, targeted.rules)


def _empty(place: Place, rules: Sequence[SpelledRule]) -> Iterator[Finding]:
    for index, spelled in enumerate(rules):
        normal = _normalise(spelled)
        if not normal or any(not rule.terms or not all(term.tests for term in rule.terms) for rule in normal):
            yield place.below(index).finding("empty_rule", "tests nothing, it never holds")


def _normalise(spelled: SpelledRule) -> list[Rule]:
    match spelled:
        case MatchRule():
            return [_rule([*_terms(spelled.match, negated=False), *_terms(spelled.not_match, negated=True)])]
        case ConditionRule(match_type="all"):
            return [_rule([_term(condition) for condition in spelled.conditions])]
        case ConditionRule():
            return [_rule([_term(condition)]) for condition in spelled.conditions]
        case _:
            assert_never(spelled)


def _rule(terms: Sequence[Term]) -> Rule:
    """Order the terms, so that rules that say the same are the same; what excludes nothing is no term."""
    kept = [term for term in terms if term.tests or not term.negated]
    return Rule(tuple(sorted(kept, key=lambda term: (term.negated, term.attribute))))


def _terms(expressions: Mapping[SegmentAttribute, Expression] | None, *, negated: bool) -> Iterator[Term]:
    for attribute, expression in (expressions or {}).items():
        yield Term(attribute, _fitting(_tests(expression)), negated)


def _tests(expression: Expression) -> Iterator[Test]:
    if isinstance(expression, list):
        yield Test("equals", tuple(expression))
        return
    if expression.contains is not None:
        yield Test("contains", tuple(expression.contains))
    if expression.starts_with is not None:
        yield Test("starts_with", tuple(expression.starts_with))
    if expression.ends_with is not None:
        yield Test("ends_with", tuple(expression.ends_with))
    if expression.exists is not None:
        yield Test("exists", expected=expression.exists)


def _term(condition: Condition) -> Term:
    value = condition.value
    if isinstance(value, str):
        test = Test("equals", (value,))
    elif isinstance(value, list):
        test = Test("equals", tuple(value))
    else:
        test = Test("exists", expected=value is not False)
    return Term(condition.attribute, _fitting([test]), condition.operator in _NEGATED_OPERATORS)


def _fitting(tests: Iterable[Test]) -> tuple[Test, ...]:
    """Return no tests if one of them has no strings to fit: all must hold, and that one never does."""
    found = tuple(tests)
    return () if any(test.operator != "exists" and not test.values for test in found) else found
