"""A decision's explanation as text: one line a step, its numbers below it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from worker.experiments.explain import Explanation, RuleFact, SegmentFact, Share, Step

_HIT, _NO = "→", " "
_HELD = {True: "holds", False: "does not hold"}


def show(found: Explanation, store: str) -> None:
    """Print an explanation; `store` says which store was looked into."""
    typer.secho(_title(found), bold=True)
    for step, head, below in _steps(found, store):
        decided = step == found.result.decided_by
        typer.echo(f"  {_HIT if decided else _NO} ", nl=False)
        typer.secho(f"{step:<11}", bold=decided, nl=False)
        typer.echo(head)
        for line in below:
            typer.echo(f"    {'':<11}{line}")
    typer.secho(_result(found), bold=True)
    for name, value in found.result.config.items():
        typer.echo(f"  {name} = {json.dumps(value['value'], ensure_ascii=False)}")


def _title(found: Explanation) -> str:
    tenant = f" of tenant {found.tenant_id}" if found.tenant_id else ""
    return f"{found.trigger} {found.event_id}{tenant}{f' at {found.time}' if found.time else ''}"


def _steps(found: Explanation, store: str) -> Iterator[tuple[Step, str, list[str]]]:
    yield "override", _override(found.override), []
    yield "experiment", *_experiments(found)
    yield "subject", *_subject(found)
    if found.segments:
        yield "segments", "in order of priority", [line for each in found.segments for line in _segment(each)]
        return
    if found.ramp is None or found.split is None:
        return
    if found.result.assignment_method == "auto":
        yield "store", *_records(found, store)
    yield "ramp", _ramp(found), []
    yield "split", f"slot {found.split.slot:,} of 10,000", [_share(share) for share in found.split.shares]


def _override(named: Any) -> str:
    given = ", ".join(f"{name} {value!r}" for name, value in named.items())
    return f"the request names {given}" if given else "none in the request's query"


def _experiments(found: Explanation) -> tuple[str, list[str]]:
    chosen = next((each for each in found.experiments if each.chosen), None)
    others = [f"not {each.experiment_id}: {each.why}" for each in found.experiments if not each.chosen]
    if chosen is None:
        return "none applies", others
    return f"{chosen.experiment_id} ({chosen.status}, {chosen.strategy}) {chosen.why}", others


def _subject(found: Explanation) -> tuple[str, list[str]]:
    if not found.identities:
        return "the event names nobody", []
    names = [f"{each.type} {each.masked}  {each.subject[:12]}…" for each in found.identities]
    hashed = [] if found.bucketing_key is None else [f"hashed: {found.bucketing_key}"]
    return names[0], [*names[1:], *hashed]


def _records(found: Explanation, store: str) -> tuple[str, list[str]]:
    lines = []
    for each in found.records:
        owner = found.identities[each.identity]
        since = f" since {each.assigned_at}" if each.assigned_at else ""
        gone = "" if each.allocated else ", no longer allocated"
        lines.append(
            f"{owner.type} {owner.masked}: {each.variation_id} (version {each.version}{since},"
            f" event {each.event_id}){gone}"
        )
    return f"{store}: {len(lines) or 'no'} record{'' if len(lines) == 1 else 's'}", lines


def _segment(each: SegmentFact) -> Iterator[str]:
    state = _HELD[each.holds] if each.active else "is archived"
    yield f"{_HIT if each.holds else _NO} {each.segment_id} → {each.variation_id}: {state}"
    for number, rule in enumerate(each.rules, 1):
        yield f"    rule {number} {_HELD[rule.holds]}"
        yield from _terms(rule)


def _terms(rule: RuleFact) -> Iterator[str]:
    for term in rule.terms:
        value = "missing" if term.value is None else repr(term.value)
        tests = " and ".join(term.tests) or "no test"
        yield f"      {'not ' if term.negated else ''}{term.attribute} {tests}: {value}, {_HELD[term.holds]}"


def _ramp(found: Explanation) -> str:
    ramp = found.ramp
    assert ramp is not None  # noqa: S101 - asked only where there is one
    if ramp.level is None:
        return "none: everybody is in"
    return f"shard {ramp.shard:,} of 10,000, in below {ramp.limit:,} ({ramp.level} %): {'in' if ramp.inside else 'out'}"


def _share(share: Share) -> str:
    slots = f"{share.first:,} to {share.end - 1:,}" if share.weight else "no slot"
    return f"{_HIT if share.hit else _NO} {share.variation_id}  {share.weight} %: {slots}"


def _result(found: Explanation) -> str:
    result = found.result
    warnings = f"; warning {', '.join(result.warnings)}" if result.warnings else ""
    if result.variation_id is None:
        return f"= no experiment: {result.reason}{warnings}"
    control = ", control" if result.is_control else ""
    segment = f", segment {result.segment_id}" if result.segment_id else ""
    first = ", would be the first exposure" if result.is_first else ""
    return f"= {result.variation_id}: {result.reason}{control}{segment}{first}{warnings}"
