"""The facts behind a decision, step by step: what `explain` shows.

Nothing here decides. Each fact is asked of the very functions that the engine decides with, so the two can't drift.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import msgspec

from worker.experiments.claims import Assignment
from worker.experiments.decide import Decision, Engine, attribute_of, named_in
from worker.experiments.definitions import Allocation, Attribute, Experiment, Rule, Segment, Snapshot, Term, Test
from worker.experiments.segments import Lookup, holds, rule_holds, term_holds
from worker.experiments.split import TOTAL_SHARDS, allocation_at, in_ramp, shards
from worker.experiments.subjects import Identities, Subject, SubjectType
from worker.experiments.vocabulary import Reason
from worker.trigger import Trigger

Step = Literal["override", "experiment", "subject", "store", "segments", "ramp", "split"]


class Candidate(msgspec.Struct, frozen=True):
    """An experiment of the tenant, and why it is or is not the one."""

    experiment_id: str
    status: str
    flow: str
    strategy: str
    chosen: bool
    why: str


class Identity(msgspec.Struct, frozen=True):
    """A name of the subject, masked, and the subject as records know it."""

    type: SubjectType
    masked: str
    subject: str


class Stored(msgspec.Struct, frozen=True):
    """The record of an identity; `allocated` tells whether its variation still is."""

    identity: int
    variation_id: str
    version: int
    event_id: str
    assigned_at: str | None
    allocated: bool


class TermFact(msgspec.Struct, frozen=True):
    """One attribute against its tests, which read as text; `value` is None if the event has none."""

    attribute: Attribute
    value: str | None
    tests: list[str]
    negated: bool
    holds: bool


class RuleFact(msgspec.Struct, frozen=True):
    """One rule of a segment."""

    terms: list[TermFact]
    holds: bool


class SegmentFact(msgspec.Struct, frozen=True):
    """One allocation with a segment, in priority order."""

    segment_id: str | None
    variation_id: str
    priority: int | None
    active: bool
    rules: list[RuleFact]
    holds: bool


class Ramp(msgspec.Struct, frozen=True):
    """The exposure: in if `shard` is below `limit`; without a level (None) everybody is in."""

    level: int | None
    shard: int
    limit: int
    inside: bool


class Share(msgspec.Struct, frozen=True):
    """An allocation and the slots it gets: from `first` up to, not including, `end`."""

    variation_id: str
    weight: int
    first: int
    end: int
    hit: bool


class Split(msgspec.Struct, frozen=True):
    """The slot against the cumulative weights."""

    slot: int
    shares: list[Share]


class Result(msgspec.Struct, frozen=True):
    """What the worker would give the event; `variation_id` is None where no experiment applies."""

    reason: str
    decided_by: Step
    experiment_id: str | None
    variation_id: str | None
    segment_id: str | None
    is_control: bool | None
    assignment_method: str
    is_first: bool | None
    warnings: list[str]
    config: Mapping[str, Any]


class Explanation(msgspec.Struct, frozen=True):
    """Every step of a decision with its numbers; a step that could not be taken is None or empty."""

    trigger: str
    event_id: str
    time: str | None
    tenant_id: str | None
    override: Mapping[str, Any]
    experiments: list[Candidate]
    identities: list[Identity]
    bucketing_key: str | None
    records: list[Stored]
    segments: list[SegmentFact]
    ramp: Ramp | None
    split: Split | None
    result: Result


def explain(
    engine: Engine,
    snapshot: Snapshot,
    trigger: Trigger,
    decision: Decision,
    records: Sequence[tuple[Subject, Assignment | None]],
) -> Explanation:
    """Return the facts behind the engine's decision; `records` are those that the store holds, by identity."""
    tenant = snapshot.of(trigger.tenant)
    experiment = decision.experiment
    identities = engine.identities(experiment, trigger)
    drawn = identities if _is_drawn(decision) else None
    return Explanation(
        trigger.kind,
        trigger.id,
        trigger.time,
        trigger.tenant,
        {name: value for name, value in msgspec.structs.asdict(named_in(trigger.query)).items() if value is not None},
        [_candidate(each, experiment, decision) for each in tenant.experiments.values()],
        _identities(engine, trigger, identities),
        None if identities is None else mask(identities.bucketing_key),
        list(_records(experiment, records)),
        list(_segments(experiment, trigger)) if experiment is not None and experiment.strategy == "segment" else [],
        _ramp(experiment, drawn) if experiment is not None and drawn is not None else None,
        _split(experiment, drawn) if experiment is not None and drawn is not None else None,
        _result(decision),
    )


def _is_drawn(decision: Decision) -> bool:
    """Tell whether ramp and split have a say: not where the request names the variation, or nothing that exists."""
    experiment, forced = decision.experiment, decision.method == "forced"
    named_nothing = "experiment_not_found" in decision.warnings
    return experiment is not None and experiment.strategy == "percentage" and not forced and not named_nothing


def mask(name: str) -> str:
    """Return a name so that its owner knows it and nobody else does: `a…@e….com`, `auth0|5f7…`, `+49…17`."""
    local, at, domain = name.rpartition("@")
    if at:
        first, _, last = domain.rpartition(".")
        return f"{local[:1]}…@{first[:1]}….{last}"
    provider, bar, rest = name.rpartition("|")
    if bar:
        return f"{provider}|{rest[:3]}…"
    return f"{name[:3]}…{name[-2:]}" if len(name) > _MASKED_WHOLE else "…"


_MASKED_WHOLE = 6  # shorter names would be given away by their ends


def _candidate(each: Experiment, experiment: Experiment | None, decision: Decision) -> Candidate:
    chosen = experiment is not None and each.id == experiment.id
    return Candidate(each.id, each.status, each.flow, each.strategy, chosen, _why(each, decision, chosen=chosen))


def _why(each: Experiment, decision: Decision, *, chosen: bool) -> str:
    if chosen:
        return "named by the request" if _is_named(decision) else "serves the flow"
    if each.status not in {"active", "paused"}:
        return f"is {each.status}"
    if each.flow not in {"authentication", "all"}:
        return f"is for {each.flow}"
    return "another one was named" if _is_named(decision) else "another one comes first"


def _is_named(decision: Decision) -> bool:
    return decision.method != "auto" or "experiment_not_found" in decision.warnings


def _identities(engine: Engine, trigger: Trigger, identities: Identities | None) -> list[Identity]:
    if identities is None:
        return []
    subjects = engine.subjects(trigger, identities)
    named = zip(identities.names, subjects, strict=True)
    return [Identity(type_, mask(name), subject.hex) for (type_, name), subject in named]


def _records(experiment: Experiment | None, records: Sequence[tuple[Subject, Assignment | None]]) -> Iterator[Stored]:
    for identity, (_, record) in enumerate(records):
        if record is not None:
            allocated = experiment is not None and record.variation_id in experiment.allocated
            yield Stored(identity, record.variation_id, record.version, record.event_id, record.assigned_at, allocated)


def _segments(experiment: Experiment, trigger: Trigger) -> Iterator[SegmentFact]:
    def attribute(name: Attribute) -> str | None:
        return attribute_of(trigger, name)

    for tier in experiment.tiers:
        if tier.segment is not None:
            yield _segment(tier, tier.segment, attribute)


def _segment(tier: Allocation, segment: Segment, attribute: Lookup) -> SegmentFact:
    rules = [_rule(rule, attribute) for rule in segment.rules]
    variation = tier.arm.variation_id
    return SegmentFact(tier.segment_id, variation, tier.priority, segment.active, rules, holds(segment, attribute))


def _rule(rule: Rule, attribute: Lookup) -> RuleFact:
    return RuleFact([_term(term, attribute(term.attribute)) for term in rule.terms], rule_holds(rule, attribute))


def _term(term: Term, value: str | None) -> TermFact:
    tests = [_test(test) for test in term.tests]
    return TermFact(term.attribute, value, tests, term.negated, term_holds(term, value))


def _test(test: Test) -> str:
    if test.operator == "exists":
        return "exists" if test.expected else "does not exist"
    return f"{test.operator.replace('_', ' ')} {' or '.join(test.values)}"


def _ramp(experiment: Experiment, identities: Identities) -> Ramp:
    key, level = identities.bucketing_key, experiment.level
    limit = TOTAL_SHARDS if level is None else level * TOTAL_SHARDS // 100
    return Ramp(level, shards(experiment.id, key)[0], limit, in_ramp(experiment, key))


def _split(experiment: Experiment, identities: Identities) -> Split:
    slot, shares, end = shards(experiment.id, identities.bucketing_key)[1], list[Share](), 0
    hit = allocation_at(experiment, slot)
    for allocation in experiment.allocations:
        first, end = end, end + allocation.weight * TOTAL_SHARDS // 100
        shares.append(Share(allocation.arm.variation_id, allocation.weight, first, end, allocation is hit))
    return Split(slot, shares)


def _result(decision: Decision) -> Result:
    arm, experiment = decision.arm, decision.experiment
    return Result(
        decision.reason,
        _decided_by(decision),
        None if experiment is None else experiment.id,
        None if arm is None else arm.variation_id,
        decision.segment_id,
        None if arm is None else arm.is_control,
        decision.method,
        decision.is_first,
        list(decision.warnings),
        {} if arm is None else msgspec.json.decode(arm.context_json)["config"],
    )


def _decided_by(decision: Decision) -> Step:
    if _is_named(decision):
        return "override"
    if "definitions_behind" in decision.warnings:
        return "store"
    return _STEPS[decision.reason]


_STEPS: Mapping[Reason, Step] = {
    "no_experiment": "experiment",
    "no_subject": "subject",
    "sticky": "store",
    "linked": "store",
    "paused": "store",
    "store_down": "store",
    "segment": "segments",
    "fallback": "segments",
    "not_found": "segments",  # no segment holds, and there is no fallback
    "not_in_ramp": "ramp",
    "split": "split",
    "reassigned": "split",
    "forced": "override",
    "explicit": "override",
}
